/// The loops in plain Java: what runs without the Vector API, and the readable statement of what
/// the others do.
@NullMarked
package dev.halcyon.backend.cpu.scalar;

import org.jspecify.annotations.NullMarked;
