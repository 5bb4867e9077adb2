/// The main job, `halcyon run`: one DeepSeek-V3 decoder layer's work at its true sizes, checked
/// against the fp64 oracle, and generation from a tiny checkpoint.
@NullMarked
package dev.halcyon.bench.run;

import org.jspecify.annotations.NullMarked;
