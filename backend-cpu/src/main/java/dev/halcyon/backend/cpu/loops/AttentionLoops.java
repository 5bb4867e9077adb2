package dev.halcyon.backend.cpu.loops;

/// Inner loops over tiles of attention.
public interface AttentionLoops {}
