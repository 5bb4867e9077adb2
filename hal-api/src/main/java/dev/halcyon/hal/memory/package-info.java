/// What kernels read and write: an arena hands out buffers, a [dev.halcyon.hal.memory.Tensor] is a
/// typed, shaped, immutable view of one, and an [dev.halcyon.hal.memory.Operand] is whatever a
/// weight may be stored as. Everything here may be used from any thread, except that an arena
/// belongs to one thread at a time.
@NullMarked
package dev.halcyon.hal.memory;

import org.jspecify.annotations.NullMarked;
