package dev.halcyon.hal.memory;

import java.util.Objects;

/// How a block-scaled matrix is stored: the type of its values, the type of its scales, and the
/// block that shares one.
///
/// Element `[r, c]` of an `[R, C]` matrix is `value[r, c] * scale[r / blockRows, c /
/// blockColumns]`; the scales have shape `[ceil(R / blockRows), ceil(C / blockColumns)]`, the last
/// block of a row or column being partial where the extents do not divide.
///
/// @param values type of the stored values
/// @param scales type of the stored scales
/// @param blockRows rows that share one scale
/// @param blockColumns columns that share one scale
/// @param rule how a quantizer picks a scale from the largest magnitude of a block; dequantization
///   ignores it
public record QuantizationScheme(
        DType values, DType scales, int blockRows, int blockColumns, ScaleRule rule) {
    /// How a quantizer turns the largest magnitude of a block into its scale.
    public enum ScaleRule {
        /// `max(amax, floor) / largest`, with a floor and a largest value for each value type:
        /// DeepSeek-V3 `act_quant`, see [dev.halcyon.hal.kernel.linear.Quantize].
        LINEAR,
        /// The linear scale rounded up to a power of two: DeepSeek-V3.1 and later ("ue8m0").
        POWER_OF_TWO
    }

    /// DeepSeek-V3 weights: E4M3 with one F32 scale per 128x128 block (`weight_scale_inv`, a factor
    /// despite its name).
    public static final QuantizationScheme FP8_BLOCK_128 =
            new QuantizationScheme(DType.F8_E4M3, DType.F32, 128, 128, ScaleRule.LINEAR);

    /// DeepSeek-V4 dense weights: E4M3 with one power-of-two scale per 128x128 block.
    public static final QuantizationScheme FP8_BLOCK_128_UE8M0 =
            new QuantizationScheme(DType.F8_E4M3, DType.F8_E8M0, 128, 128, ScaleRule.POWER_OF_TWO);

    /// DeepSeek-V3 activations: E4M3 with one F32 scale per token and 128 channels.
    public static final QuantizationScheme FP8_TOKEN_128 =
            new QuantizationScheme(DType.F8_E4M3, DType.F32, 1, 128, ScaleRule.LINEAR);

    /// DeepSeek-V3.1 activations: as [#FP8_TOKEN_128], every scale a power of two kept in F32.
    public static final QuantizationScheme FP8_TOKEN_128_UE8M0 =
            new QuantizationScheme(DType.F8_E4M3, DType.F32, 1, 128, ScaleRule.POWER_OF_TWO);

    /// DeepSeek-V4 routed experts: E2M1 with one power-of-two scale per row and 32 columns.
    public static final QuantizationScheme FP4_GROUP_32 =
            new QuantizationScheme(DType.F4_E2M1, DType.F8_E8M0, 1, 32, ScaleRule.POWER_OF_TWO);

    /// Kimi K2.5 routed experts: offset-binary 4-bit integers with one BF16 scale per row and 32
    /// columns.
    public static final QuantizationScheme INT4_GROUP_32 =
            new QuantizationScheme(DType.I4, DType.BF16, 1, 32, ScaleRule.LINEAR);

    public QuantizationScheme {
        Objects.requireNonNull(values, "values");
        Objects.requireNonNull(scales, "scales");
        Objects.requireNonNull(rule, "rule");
        if (blockRows < 1 || blockColumns < 1) {
            throw new IllegalArgumentException(
                    "a quantization block has at least one row and one column, not "
                            + blockRows
                            + "x"
                            + blockColumns);
        }
        if (!scales.isFloatingPoint()) {
            throw new IllegalArgumentException("scales must be floating point, not " + scales);
        }
    }

    /// {@return this scheme with another block}
    public QuantizationScheme withBlock(int rows, int columns) {
        return new QuantizationScheme(values, scales, rows, columns, rule);
    }

    /// {@return this scheme with values and scales of other types}
    public QuantizationScheme withTypes(DType valueType, DType scaleType) {
        return new QuantizationScheme(valueType, scaleType, blockRows, blockColumns, rule);
    }

    /// {@return this scheme with another scale rule}
    public QuantizationScheme withRule(ScaleRule scaleRule) {
        return new QuantizationScheme(values, scales, blockRows, blockColumns, scaleRule);
    }

    /// {@return the shape of the scales of values with shape `values`: the last two dimensions
    /// divided by the block, rounded up}
    ///
    /// @throws IllegalArgumentException if `values` has fewer than two dimensions
    public Shape scaleShape(Shape values) {
        if (values.rank() < 2) {
            throw new IllegalArgumentException("block scales need a matrix, not shape " + values);
        }
        long[] dims = values.toArray();
        int last = dims.length - 1;
        dims[last - 1] = Math.ceilDiv(dims[last - 1], blockRows);
        dims[last] = Math.ceilDiv(dims[last], blockColumns);
        return Shape.of(dims);
    }
}
