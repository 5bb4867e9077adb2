/// The CUDA backend. This version has the probe alone: it finds NVIDIA GPUs through the driver
/// library, without JCuda and without a context, and explains every way to have none.
@NullMarked
package dev.halcyon.backend.cuda;

import org.jspecify.annotations.NullMarked;
