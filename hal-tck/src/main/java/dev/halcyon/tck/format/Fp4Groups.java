package dev.halcyon.tck.format;

/// E2M1 weights with one power-of-two scale per group of a row: the routed experts of DeepSeek-V4.
///
/// Two codes share a byte, the even column in the low nibble; the scale is [E8M0], one per 32 columns. The value of an element is
/// `e2m1(code) * 2^(scale - 127)`. Source: DeepSeek-V4 inference/convert.py (layout) and kernel.py (quantiser). The quantiser is not
/// that of OCP MX: it rounds the scale up, so that no value saturates.
public final class Fp4Groups {
    private static final double CODE_MAX = FloatFormat.E2M1.maxFinite();
    private static final double AMAX_FLOOR = 6 * 0x1p-126;

    private final int group;

    /// A scheme with `group` values per scale.
    ///
    /// @throws IllegalArgumentException if the group is not a positive even number
    public Fp4Groups(int group) {
        if (group < 2 || group % 2 != 0) {
            throw new IllegalArgumentException("an FP4 group is a positive even number, got " + group);
        }
        this.group = group;
    }

    /// Scales per row of a matrix with `columns` columns.
    public int scaleColumns(int columns) {
        return Math.ceilDiv(columns, group);
    }

    /// The 4-bit code at one place of a packed `? x columns` matrix.
    public static int codeAt(byte[] codes, int row, int column, int columns) {
        int pair = codes[row * Math.ceilDiv(columns, 2) + column / 2] & 0xff;
        return column % 2 == 0 ? pair & 0xf : pair >>> 4;
    }

    /// The values of a `rows x columns` matrix, exact.
    public double[] dequantize(QuantizedValues quantized, int rows, int columns) {
        Sizes.require("codes", quantized.codes().length, rows, Math.ceilDiv(columns, 2));
        Sizes.require("scales", quantized.scales().length, rows, scaleColumns(columns));
        double[] values = new double[rows * columns];
        for (int row = 0; row < rows; row++) {
            for (int column = 0; column < columns; column++) {
                double scale = quantized.scales()[row * scaleColumns(columns) + column / group];
                values[row * columns + column] = FloatFormat.E2M1.decode(codeAt(quantized.codes(), row, column, columns)) * scale;
            }
        }
        return values;
    }

    /// The nearest codes: per group `s = 2^ceil(log2(max(amax, 6*2^-126) / 6))`, `code = e2m1(x / s)`, ties to even.
    public QuantizedValues quantize(double[] values, int rows, int columns) {
        Sizes.require("values", values.length, rows, columns);
        byte[] codes = new byte[rows * Math.ceilDiv(columns, 2)];
        double[] scales = new double[rows * scaleColumns(columns)];
        for (int row = 0; row < rows; row++) {
            for (int column = 0; column < columns; column++) {
                int scaleIndex = row * scaleColumns(columns) + column / group;
                if (column % group == 0) {
                    int end = Math.min(column + group, columns);
                    scales[scaleIndex] = groupScale(values, row * columns + column, row * columns + end);
                }
                int code = FloatFormat.E2M1.encode(
                        (float) values[row * columns + column] / scales[scaleIndex], FloatFormat.Overflow.SATURATE);
                codes[row * Math.ceilDiv(columns, 2) + column / 2] |= (byte) (column % 2 == 0 ? code : code << 4);
            }
        }
        return new QuantizedValues(codes, scales);
    }

    private static double groupScale(double[] values, int from, int to) {
        double amax = AMAX_FLOOR;
        for (int i = from; i < to; i++) {
            amax = Math.max(amax, Math.abs((float) values[i]));
        }
        return E8M0.ceiling(amax / CODE_MAX);
    }
}
