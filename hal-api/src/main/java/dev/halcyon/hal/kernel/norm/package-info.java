/// Normalisation of rows: root mean square, the same with the residual addition fused in, and mean
/// and variance. All compute in F32 (F64 for F64 rows) and round once.
@NullMarked
package dev.halcyon.hal.kernel.norm;

import org.jspecify.annotations.NullMarked;
