/// Bindings to the CUDA driver library, and nothing but bindings: by JCuda for what is called once,
/// by FFM for what is called per step, and by FFM alone where JCuda has no natives. A return code
/// other than 0 becomes a [dev.halcyon.backend.cuda.driver.CudaDriverException] here.
@NullMarked
package dev.halcyon.backend.cuda.driver;

import org.jspecify.annotations.NullMarked;
