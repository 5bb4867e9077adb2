/// The blocked product engine that every kernel with a matrix product in it shares.
///
/// [dev.halcyon.backend.cpu.product.ProductShape] says what is multiplied, a
/// [dev.halcyon.backend.cpu.product.ProductPlan] picks one of three forms and the workspace for it,
/// and its `bind` gives a [dev.halcyon.backend.cpu.product.MatrixProduct]: `size` each group, then
/// `run` computes `out = alpha * op(left) op(right) + beta * addend`. Operands are
/// [dev.halcyon.backend.cpu.product.Matrices] (row-major F32, BF16 or F16, of tensors or of bare
/// segments) and [dev.halcyon.backend.cpu.product.Weights] (the same, block-scaled or packed). For
/// `X Xᵀ` and polynomials of it ask for
/// [dev.halcyon.backend.cpu.product.ProductShape#asSymmetric()]: half of the tiles are computed and
/// mirrored. A product `B X` with X row-major is a shape with `rightTransposed` false. The other
/// classes are parts: the packing of either side, and the layout of panels.
@NullMarked
package dev.halcyon.backend.cpu.product;

import org.jspecify.annotations.NullMarked;
