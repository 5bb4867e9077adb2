package dev.halcyon.bench.peer;

import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;

/// What a peer's process answers, one line of JSON each.
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "say")
@JsonSubTypes({
    @JsonSubTypes.Type(value = Reply.Ready.class, name = "ready"),
    @JsonSubTypes.Type(value = Reply.Done.class, name = "done"),
    @JsonSubTypes.Type(value = Reply.Declined.class, name = "declined"),
    @JsonSubTypes.Type(value = Reply.Times.class, name = "times"),
    @JsonSubTypes.Type(value = Reply.Values.class, name = "values"),
    @JsonSubTypes.Type(value = Reply.Failed.class, name = "failed")
})
@SuppressWarnings("ArrayRecordComponent")
public sealed interface Reply {
    /// The library is loaded; said once, before anything was asked.
    record Ready(String version) implements Reply {}

    /// It is done.
    record Done() implements Reply {}

    /// The library has no such operation; ask for something else.
    record Declined(String reason) implements Reply {}

    /// Seconds of each run.
    record Times(double[] seconds) implements Reply {}

    /// Elements of the result.
    record Values(double[] values) implements Reply {}

    /// Something went wrong.
    record Failed(String reason) implements Reply {}
}
