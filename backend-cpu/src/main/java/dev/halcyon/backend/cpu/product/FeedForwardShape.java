package dev.halcyon.backend.cpu.product;

import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.WeightFormat;

/// What a feed-forward network of several groups computes and how large it may get: `out[g] =
/// (swiglu(x[g] gate[g]ᵀ, x[g] up[g]ᵀ) · factor) down[g]ᵀ`.
///
/// @param groups number of independent networks of one shape: experts
/// @param maxRows most rows of all groups together
/// @param maxGroupRows most rows of one group
/// @param hidden values of a row on the outside
/// @param width values of a row on the inside
/// @param x element type of the rows
/// @param between type to which the activation may be rounded; the backend may keep it wider
/// @param gateUp storage of the first two weights
/// @param down storage of the third
/// @param limit clamps the projections; positive infinity for none
/// @param out element type of the results
/// @param invariant whether a row's result must not depend on the other rows
public record FeedForwardShape(
        int groups,
        int maxRows,
        int maxGroupRows,
        int hidden,
        int width,
        DType x,
        DType between,
        WeightFormat gateUp,
        WeightFormat down,
        float limit,
        DType out,
        boolean invariant) {}
