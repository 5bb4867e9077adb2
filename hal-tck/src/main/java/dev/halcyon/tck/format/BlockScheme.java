package dev.halcyon.tck.format;

/// A block-scaled matrix: element `[r, c]` is `value(code[r, c]) * scale[r / blockRows, c /
/// blockColumns]`.
///
/// Blocks at the right and lower edge may be partial. Checkpoints call the scale
/// `weight_scale_inv`, but it is a factor. Source: DeepSeek-V3 inference/kernel.py,
/// `weight_dequant` and `act_quant`; [BlockValues] names the sources of the other formats.
///
/// @param values what elements are stored as
/// @param scales what scales are stored as
/// @param blockRows rows that share a scale
/// @param blockColumns columns that share a scale
/// @param rule how a quantizer picks the scale
public record BlockScheme(
        BlockValues values, BlockScales scales, int blockRows, int blockColumns, ScaleRule rule) {
    /// Weights of DeepSeek-V3: E4M3, one F32 scale per 128 x 128.
    public static final BlockScheme FP8_BLOCK_128 =
            new BlockScheme(BlockValues.E4M3, BlockScales.F32, 128, 128, ScaleRule.LINEAR);

    /// Activations of DeepSeek-V3: E4M3, one F32 scale per token and 128 channels.
    public static final BlockScheme FP8_TOKEN_128 =
            new BlockScheme(BlockValues.E4M3, BlockScales.F32, 1, 128, ScaleRule.LINEAR);

    /// Routed experts of DeepSeek-V4: E2M1, one power-of-two scale per row and 32 columns.
    public static final BlockScheme FP4_GROUP_32 =
            new BlockScheme(BlockValues.E2M1, BlockScales.E8M0, 1, 32, ScaleRule.POWER_OF_TWO);

    /// Routed experts of Kimi K2.5: int4, one BF16 scale per row and 32 columns.
    public static final BlockScheme INT4_GROUP_32 =
            new BlockScheme(BlockValues.INT4, BlockScales.BF16, 1, 32, ScaleRule.LINEAR);

    /// Checks the block.
    ///
    /// @throws IllegalArgumentException if a block dimension is not positive
    public BlockScheme {
        if (blockRows < 1 || blockColumns < 1) {
            throw new IllegalArgumentException(
                    "a block has at least one element, not " + blockRows + " x " + blockColumns);
        }
    }

    /// This scheme with other blocks.
    public BlockScheme withBlock(int rows, int columns) {
        return new BlockScheme(values, scales, rows, columns, rule);
    }

    /// This scheme with another scale rule.
    public BlockScheme withRule(ScaleRule newRule) {
        return new BlockScheme(values, scales, blockRows, blockColumns, newRule);
    }

    /// Number of block rows of a matrix with `rows` rows.
    public int scaleRows(int rows) {
        return Math.ceilDiv(rows, blockRows);
    }

    /// Number of block columns of a matrix with `columns` columns.
    public int scaleColumns(int columns) {
        return Math.ceilDiv(columns, blockColumns);
    }

    /// The values of a `rows x columns` matrix; the product of a code's value and an F32 scale is
    /// exact in a double.
    ///
    /// Rounding the result to F32 gives the bits of the reference kernels.
    ///
    /// @throws IllegalArgumentException if the number of codes or scales does not fit the matrix
    public double[] dequantize(QuantizedValues quantized, int rows, int columns) {
        Sizes.require("codes", quantized.codes().length, rows, columns);
        Sizes.require("scales", quantized.scales().length, scaleRows(rows), scaleColumns(columns));
        double[] result = new double[rows * columns];
        for (int i = 0; i < result.length; i++) {
            result[i] = values.decode(quantized.codes()[i]) * quantized.scales()[block(i, columns)];
        }
        return result;
    }

    /// The codes and scales of a `rows x columns` matrix: the scale by the rule and rounded to its
    /// type, then `code = nearest(x / scale)` with the quotient in F32, saturating.
    ///
    /// @throws IllegalArgumentException if the number of elements does not fit the matrix
    public QuantizedValues quantize(double[] x, int rows, int columns) {
        Sizes.require("x", x.length, rows, columns);
        float[] largest = new float[scaleRows(rows) * scaleColumns(columns)];
        for (int i = 0; i < x.length; i++) {
            largest[block(i, columns)] =
                    Math.max(largest[block(i, columns)], Math.abs((float) x[i]));
        }
        double[] stored = new double[largest.length];
        for (int b = 0; b < stored.length; b++) {
            stored[b] = scales.stored(rule.scale(largest[b], values));
        }
        int[] codes = new int[x.length];
        for (int i = 0; i < x.length; i++) {
            codes[i] = values.encode((float) x[i] / (float) stored[block(i, columns)]);
        }
        return new QuantizedValues(codes, stored);
    }

    int block(int index, int columns) {
        return index / columns / blockRows * scaleColumns(columns) + index % columns / blockColumns;
    }
}
