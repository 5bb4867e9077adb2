/// One file for each kernel spec, named alike in all backends: it decides about a spec, and turns
/// checked arguments into launches of the device code in `native/cuda`. What a kernel does not do
/// it declines by name. Parameters are written off-heap once, at `bind`.
@NullMarked
package dev.halcyon.backend.cuda.kernels;

import org.jspecify.annotations.NullMarked;
