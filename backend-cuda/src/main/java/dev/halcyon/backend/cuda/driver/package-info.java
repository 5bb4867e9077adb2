/// Bindings to the CUDA driver library, and nothing but bindings.
@NullMarked
package dev.halcyon.backend.cuda.driver;

import org.jspecify.annotations.NullMarked;
