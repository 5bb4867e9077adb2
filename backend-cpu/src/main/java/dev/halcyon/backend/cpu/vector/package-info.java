/// The loops on the Vector API, for 128, 256 or 512 bits. Nothing outside this package names the
/// incubator module, so that the rest of the backend loads without it.
@NullMarked
package dev.halcyon.backend.cpu.vector;

import org.jspecify.annotations.NullMarked;
