/// The grammar of kernels: a [dev.halcyon.hal.kernel.KernelSpec] says what is to be computed, its
/// [dev.halcyon.hal.kernel.KernelArgs] name the memory, a [dev.halcyon.hal.kernel.Cost] says what
/// it costs at least, and a [dev.halcyon.hal.kernel.Lowering] says a coarse spec in finer ones. The
/// specs themselves live in the sub-packages, by field.
///
/// Three rules hold for all of them. A tensor argument may have any stride but that of its
/// innermost dimension, which is 1, unless its spec says that it has no gaps. `activeRows` is read
/// when the kernel runs; below 0 it counts as 0, above the number of rows as that number. A kernel
/// may add up more precisely than the accumulate type that a spec names, never less.
@NullMarked
package dev.halcyon.hal.kernel;

import org.jspecify.annotations.NullMarked;
