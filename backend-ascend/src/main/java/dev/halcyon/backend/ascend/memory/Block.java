package dev.halcyon.backend.ascend.memory;

/// A piece of native memory.
///
/// @param address a multiple of 64
/// @param bytes its size
public record Block(long address, long bytes) {}
