/// Timing: entrants take turns, round after round, and only the one whose turn it is uses the
/// processors.
@NullMarked
package dev.halcyon.bench.round;

import org.jspecify.annotations.NullMarked;
