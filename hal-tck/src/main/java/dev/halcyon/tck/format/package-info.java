/// The number formats of the model checkpoints, in exact integer arithmetic and scalar Java.
///
/// Everything here is a definition to measure backends against, not a fast path: codes are decoded
/// to `double`, which holds every value of every format exactly, and encoded by looking at the bits
/// of a `double`, so that a value is rounded once.
@NullMarked
package dev.halcyon.tck.format;

import org.jspecify.annotations.NullMarked;
