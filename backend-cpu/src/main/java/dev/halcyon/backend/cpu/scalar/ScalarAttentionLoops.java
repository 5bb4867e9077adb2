package dev.halcyon.backend.cpu.scalar;

import dev.halcyon.backend.cpu.loops.AttentionLoops;

/// Loops over tiles of attention in plain Java.
public final class ScalarAttentionLoops implements AttentionLoops {}
