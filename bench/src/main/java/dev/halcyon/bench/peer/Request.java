package dev.halcyon.bench.peer;

import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;

import dev.halcyon.bench.problem.Problem;

/// What a peer's process is asked, one line of JSON each.
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "ask")
@JsonSubTypes({
    @JsonSubTypes.Type(value = Request.Prepare.class, name = "prepare"),
    @JsonSubTypes.Type(value = Request.Run.class, name = "run"),
    @JsonSubTypes.Type(value = Request.Sample.class, name = "sample"),
    @JsonSubTypes.Type(value = Request.Release.class, name = "release")
})
@SuppressWarnings("ArrayRecordComponent")
public sealed interface Request {
    /// Make the operands of a problem, with so many copies of what is read.
    record Prepare(Problem problem, int copies) implements Request {}

    /// Run so many times and say how long each took.
    record Run(int times) implements Request {}

    /// Run on copy 0 and say some elements of the result.
    record Sample(long[] positions) implements Request {}

    /// Give the operands up.
    record Release() implements Request {}
}
