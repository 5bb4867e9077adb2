package dev.halcyon.tck.format;

/// The conversion of FP4 expert weights to FP8 block weights without going through their real
/// values.
///
/// Per 128 x 128 block the new scale is the block's largest FP4 scale divided by 64, and each FP4
/// value is multiplied by the ratio of its old scale to the new one: at most `6 * 64 = 384`, which
/// E4M3 holds. The result is exact as long as the largest and the smallest scale of a block differ
/// by no more than a factor of `2^14`; below that, small values round. Source: DeepSeek-V4
/// inference/convert.py.
public final class Fp4ToFp8 {
    private static final int HEADROOM = 64;

    private Fp4ToFp8() {}

    /// Converts a `rows x columns` matrix.
    ///
    /// @param from scheme of the FP4 codes
    /// @param to scheme of the result; its block is a multiple of that of `from`
    public static QuantizedValues convert(
            QuantizedValues fp4, int rows, int columns, BlockScheme from, BlockScheme to) {
        Sizes.require("codes", fp4.codes().length, rows, columns);
        Sizes.require(
                "scales", fp4.scales().length, from.scaleRows(rows), from.scaleColumns(columns));
        double[] scales = new double[to.scaleRows(rows) * to.scaleColumns(columns)];
        for (int i = 0; i < fp4.codes().length; i++) {
            int target = to.block(i, columns);
            scales[target] =
                    Math.max(scales[target], fp4.scales()[from.block(i, columns)] / HEADROOM);
        }
        int[] codes = new int[rows * columns];
        for (int i = 0; i < codes.length; i++) {
            double ratio = fp4.scales()[from.block(i, columns)] / scales[to.block(i, columns)];
            codes[i] = to.values().encode(from.values().decode(fp4.codes()[i]) * ratio);
        }
        return new QuantizedValues(codes, scales);
    }
}
