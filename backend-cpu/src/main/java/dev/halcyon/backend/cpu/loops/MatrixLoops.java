package dev.halcyon.backend.cpu.loops;

/// Inner loops over register tiles of matrix products.
public interface MatrixLoops {}
