/// The grammar of kernels: a [dev.halcyon.hal.kernel.KernelSpec] says what is to be computed, its
/// [dev.halcyon.hal.kernel.KernelArgs] name the memory, a [dev.halcyon.hal.kernel.Cost] says what it costs at least,
/// and a [dev.halcyon.hal.kernel.Lowering] says a coarse spec in finer ones. The specs themselves live in the
/// sub-packages, by field.
@NullMarked
package dev.halcyon.hal.kernel;

import org.jspecify.annotations.NullMarked;
