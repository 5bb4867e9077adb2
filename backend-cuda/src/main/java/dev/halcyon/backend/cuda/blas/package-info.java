/// NVIDIA's library of matrix products, cuBLASLt, where a machine has it: looked for at run time
/// and bound by FFM, so that nothing of it is packaged or needed.
@NullMarked
package dev.halcyon.backend.cuda.blas;

import org.jspecify.annotations.NullMarked;
