package dev.halcyon.backend.cpu.scalar;

import dev.halcyon.backend.cpu.loops.RowLoops;

/// Loops over rows in plain Java.
public final class ScalarRowLoops implements RowLoops {}
