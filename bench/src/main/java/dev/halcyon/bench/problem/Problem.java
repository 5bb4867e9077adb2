package dev.halcyon.bench.problem;

import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;

import dev.halcyon.hal.memory.DType;

/// One case of the benchmark: an operation, its sizes and element types, and the seeds of its
/// operands.
///
/// Operands are made by [dev.halcyon.bench.data.RandomBits] from seeds that the problem names, so
/// whoever has the problem has the numbers. What a run reads may exist in several *copies*, which
/// runs use in turn, so that nothing is found in a cache; copy 0 is the one whose result is
/// compared.
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "kind")
@JsonSubTypes({
    @JsonSubTypes.Type(value = GemmProblem.class, name = "gemm"),
    @JsonSubTypes.Type(value = MoeProblem.class, name = "moe"),
    @JsonSubTypes.Type(value = DecodeProblem.class, name = "decode"),
    @JsonSubTypes.Type(value = PrefillProblem.class, name = "prefill"),
    @JsonSubTypes.Type(value = MuonProblem.class, name = "muon")
})
public sealed interface Problem
        permits GemmProblem, MoeProblem, DecodeProblem, PrefillProblem, MuonProblem {
    /// {@return the part of the benchmark that it belongs to}
    String suite();

    /// {@return its name in the report, without the suite}
    String title();

    /// {@return the type whose peak its operations are held against}
    DType dtype();

    /// {@return the bytes that must come from memory in one run of a cold problem; 0 where caches
    /// may help}
    long coldBytes();

    /// {@return the memory that one copy takes, at its widest}
    long bytesPerCopy();

    /// {@return about how many operations a run takes, to tell how long it will}
    double roughFlops();

    /// {@return the number of elements of the result}
    long resultElements();

    /// {@return the most that a result may be off, relative to the largest magnitude}
    double tolerance();
}
