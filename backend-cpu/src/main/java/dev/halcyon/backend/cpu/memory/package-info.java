/// Memory as this processor reads it fastest: in large pages, and by address.
@NullMarked
package dev.halcyon.backend.cpu.memory;

import org.jspecify.annotations.NullMarked;
