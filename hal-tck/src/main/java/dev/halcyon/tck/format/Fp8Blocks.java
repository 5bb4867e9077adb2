package dev.halcyon.tck.format;

/// Eight-bit weights with one scale per rectangle of a matrix: the 128 x 128 weights of FP8 checkpoints.
///
/// The value of an element is `decode(code) * scale`, although the checkpoint calls the scale tensor `weight_scale_inv`. Blocks at the
/// right and lower edge may be partial. Source: DeepSeek-V3 inference/kernel.py, `weight_dequant`.
public final class Fp8Blocks {
    /// The floor on a block's largest magnitude; it keeps the scale of an all-zero block positive.
    public static final float AMAX_FLOOR = 1e-4f;

    private final FloatFormat format;
    private final int blockRows;
    private final int blockColumns;

    /// A scheme with `blockRows x blockColumns` elements per scale.
    ///
    /// @throws IllegalArgumentException if a block dimension is not positive or the format is not eight bits wide
    public Fp8Blocks(FloatFormat format, int blockRows, int blockColumns) {
        if (format.bits() != 8) {
            throw new IllegalArgumentException("FP8 blocks need an 8-bit format, got " + format);
        }
        if (blockRows < 1 || blockColumns < 1) {
            throw new IllegalArgumentException("block dimensions must be positive, got " + blockRows + " x " + blockColumns);
        }
        this.format = format;
        this.blockRows = blockRows;
        this.blockColumns = blockColumns;
    }

    /// The scheme of the DeepSeek-V3 family: E4M3 with 128 x 128 blocks.
    public static Fp8Blocks deepSeekV3() {
        return new Fp8Blocks(FloatFormat.E4M3, 128, 128);
    }

    /// Number of block rows of a matrix with `rows` rows.
    public int scaleRows(int rows) {
        return Math.ceilDiv(rows, blockRows);
    }

    /// Number of block columns of a matrix with `columns` columns.
    public int scaleColumns(int columns) {
        return Math.ceilDiv(columns, blockColumns);
    }

    /// The values of a `rows x columns` matrix; the product of a code's value and an F32 scale is exact in a double.
    ///
    /// Rounding the result to F32 gives the bits of the reference kernel.
    ///
    /// @throws IllegalArgumentException if the number of codes or scales does not fit the matrix
    public double[] dequantize(QuantizedValues quantized, int rows, int columns) {
        Sizes.require("codes", quantized.codes().length, rows, columns);
        Sizes.require("scales", quantized.scales().length, scaleRows(rows), scaleColumns(columns));
        double[] values = new double[rows * columns];
        for (int row = 0; row < rows; row++) {
            for (int column = 0; column < columns; column++) {
                int index = row * columns + column;
                double scale = quantized.scales()[scaleIndex(row, column, columns)];
                values[index] = format.decode(quantized.codes()[index] & 0xff) * scale;
            }
        }
        return values;
    }

    /// The codes and scales of a `rows x columns` matrix: per block `s = rule(max(amax, 1e-4))`, code = nearest of `x / s` in F32,
    /// saturating.
    public QuantizedValues quantize(double[] values, int rows, int columns, ScaleRule rule) {
        Sizes.require("values", values.length, rows, columns);
        double[] scales = new double[scaleRows(rows) * scaleColumns(columns)];
        float[] largest = new float[scales.length];
        for (int row = 0; row < rows; row++) {
            for (int column = 0; column < columns; column++) {
                int block = scaleIndex(row, column, columns);
                largest[block] = Math.max(largest[block], Math.abs((float) values[row * columns + column]));
            }
        }
        for (int block = 0; block < scales.length; block++) {
            scales[block] = rule.scale(Math.max(largest[block], AMAX_FLOOR), (float) format.maxFinite());
        }
        byte[] codes = new byte[values.length];
        for (int row = 0; row < rows; row++) {
            for (int column = 0; column < columns; column++) {
                int index = row * columns + column;
                float scaled = (float) values[index] / (float) scales[scaleIndex(row, column, columns)];
                codes[index] = (byte) format.encode(scaled, FloatFormat.Overflow.SATURATE);
            }
        }
        return new QuantizedValues(codes, scales);
    }

    private int scaleIndex(int row, int column, int columns) {
        return row / blockRows * scaleColumns(columns) + column / blockColumns;
    }
}
