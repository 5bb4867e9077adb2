/// The blocked product engine that every kernel with a matrix product in it shares.
///
/// [dev.halcyon.backend.cpu.product.ProductShape] says what is multiplied, a
/// [dev.halcyon.backend.cpu.product.ProductPlan] picks one of three forms and the workspace for it, and its `bind` gives a
/// [dev.halcyon.backend.cpu.product.MatrixProduct] whose `run` computes `out = alpha * op(left) op(right) + beta * addend`
/// for any number of groups. Operands are [dev.halcyon.backend.cpu.product.Matrices] (row-major, F32, BF16 or F16, of tensors or
/// of bare segments) and [dev.halcyon.backend.cpu.product.Weights] (the same plus block-scaled and packed ones). For `X Xᵀ`
/// ask for [dev.halcyon.backend.cpu.product.ProductShape#asSymmetric()]: half the tiles are computed, the other half is mirrored. A
/// product `B X` with X row-major is a shape with `rightTransposed` false. Other classes here are the parts: packing of
/// either side, and layout of panels.
@NullMarked
package dev.halcyon.backend.cpu.product;

import org.jspecify.annotations.NullMarked;
