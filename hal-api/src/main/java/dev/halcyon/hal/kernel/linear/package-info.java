/// Matrix products and the storage of their weights: plain, batched and grouped GEMM, block
/// quantization both ways, and packing into a layout that a device is faster with.
@NullMarked
package dev.halcyon.hal.kernel.linear;

import org.jspecify.annotations.NullMarked;
