package dev.halcyon.backend.cpu.vector;

import dev.halcyon.backend.cpu.loops.AttentionLoops;

/// Loops over tiles of attention on the Vector API.
final class VectorAttentionLoops implements AttentionLoops {}
