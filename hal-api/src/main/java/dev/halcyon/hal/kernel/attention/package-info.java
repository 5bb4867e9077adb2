/// Multi-head latent attention: rotary embeddings, the paged latent cache, attention in the naive
/// form (prefill, training) and in the absorbed form (decode), and what merges partial results.
/// Projections are plain GEMMs and are no part of these specs.
@NullMarked
package dev.halcyon.hal.kernel.attention;

import org.jspecify.annotations.NullMarked;
