/// The way to `libhalcyon_cpu`, the optional native kernels in `native/cpu`: whether it is there
/// ([dev.halcyon.backend.cpu.nativecode.NativeSupport]), what it may use
/// ([dev.halcyon.backend.cpu.nativecode.NativeLevel]), and a class of bindings a C file. Nothing
/// else in the backend makes a downcall.
@NullMarked
package dev.halcyon.backend.cpu.nativecode;

import org.jspecify.annotations.NullMarked;
