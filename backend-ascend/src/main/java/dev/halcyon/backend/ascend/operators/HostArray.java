package dev.halcyon.backend.ascend.operators;

import java.util.function.Supplier;

/// An integer array of an operator's arguments that is made anew each time the operator is issued.
///
/// @param now makes it
/// @param largest an array of the same length for which the operator needs no less workspace
@SuppressWarnings("ArrayRecordComponent")
public record HostArray(Supplier<long[]> now, long[] largest) {}
