/// The inner loops that kernels call, as interfaces with one implementation in use per device: long
/// enough a call that its cost vanishes, short enough a list that a new instruction set is a
/// weekend's work.
@NullMarked
package dev.halcyon.backend.cpu.loops;

import org.jspecify.annotations.NullMarked;
