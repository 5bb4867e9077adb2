package dev.halcyon.backend.cpu.vector;

import dev.halcyon.backend.cpu.loops.RowLoops;

/// Loops over rows on the Vector API.
final class VectorRowLoops implements RowLoops {}
