/// What is computed element by element or by looking a row up: sums, casts, copies, the SwiGLU
/// gate, the embedding and the two reductions that training needs. Every spec takes matrices of
/// rows; a tensor of more dimensions is reshaped first, which costs nothing.
@NullMarked
package dev.halcyon.hal.kernel.elementwise;

import org.jspecify.annotations.NullMarked;
