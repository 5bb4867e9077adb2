/// The CPU backend: a host device of `hal-api` with kernels of its own. [CpuBackendProvider] is the
/// way in; [CpuSettings] is everything that can be set; [Isa] says which loops run. Kernels live in
/// `kernels`, their inner loops behind the interfaces of `loops`, once in plain Java (`scalar`) and
/// once on the Vector API (`vector`).
@NullMarked
package dev.halcyon.backend.cpu;

import org.jspecify.annotations.NullMarked;
