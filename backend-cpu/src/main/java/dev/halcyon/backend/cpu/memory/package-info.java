/// Memory as this processor reads it fastest.
@NullMarked
package dev.halcyon.backend.cpu.memory;

import org.jspecify.annotations.NullMarked;
