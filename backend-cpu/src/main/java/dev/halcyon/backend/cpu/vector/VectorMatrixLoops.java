package dev.halcyon.backend.cpu.vector;

import dev.halcyon.backend.cpu.loops.MatrixLoops;

/// Loops over register tiles of matrix products on the Vector API.
final class VectorMatrixLoops implements MatrixLoops {}
