package dev.halcyon.backend.cpu.loops;

/// Inner loops over rows.
public interface RowLoops {}
