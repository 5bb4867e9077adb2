package dev.halcyon.tck.format;

/// The conversion of FP4 expert weights to FP8 block weights without going through their real values.
///
/// Per 128 x 128 block the new scale is the block's largest FP4 scale divided by 64, and each FP4 value is multiplied by the ratio of
/// its old scale to the new one: at most `6 * 64 = 384`, which E4M3 holds. The result is exact as long as the largest and the smallest
/// scale of a block differ by no more than a factor of `2^14`; below that, small values round. Source: DeepSeek-V4
/// inference/convert.py.
public final class Fp4ToFp8 {
    private static final int HEADROOM = 64;

    private Fp4ToFp8() {}

    /// Converts a `rows x columns` matrix of FP4 groups of `group` columns to E4M3 with `block x block` scales.
    public static QuantizedValues convert(QuantizedValues fp4, int rows, int columns, int group, int block) {
        int groups = Math.ceilDiv(columns, group);
        Sizes.require("codes", fp4.codes().length, rows, Math.ceilDiv(columns, 2));
        Sizes.require("scales", fp4.scales().length, rows, groups);
        int scaleColumns = Math.ceilDiv(columns, block);
        double[] scales = new double[Math.ceilDiv(rows, block) * scaleColumns];
        for (int row = 0; row < rows; row++) {
            for (int column = 0; column < columns; column++) {
                int target = row / block * scaleColumns + column / block;
                scales[target] = Math.max(scales[target], fp4.scales()[row * groups + column / group] / HEADROOM);
            }
        }
        byte[] codes = new byte[rows * columns];
        for (int row = 0; row < rows; row++) {
            for (int column = 0; column < columns; column++) {
                double ratio = fp4.scales()[row * groups + column / group] / scales[row / block * scaleColumns + column / block];
                double value = FloatFormat.E2M1.decode(Fp4Groups.codeAt(fp4.codes(), row, column, columns)) * ratio;
                codes[row * columns + column] = (byte) FloatFormat.E4M3.encode(value, FloatFormat.Overflow.SATURATE);
            }
        }
        return new QuantizedValues(codes, scales);
    }
}
