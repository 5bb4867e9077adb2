package dev.halcyon.backend.cpu.scalar;

import dev.halcyon.backend.cpu.loops.MatrixLoops;

/// Loops over register tiles of matrix products in plain Java.
public final class ScalarMatrixLoops implements MatrixLoops {}
