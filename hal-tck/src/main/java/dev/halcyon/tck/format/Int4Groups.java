package dev.halcyon.tck.format;

/// Symmetric four-bit integers with one BF16 scale per group of a row: the routed experts of Kimi K2.5.
///
/// Eight values share a 32-bit word: value `i` of a word sits in bits `4i` to `4i+3` as `q + 8`. The value of an element is
/// `q * scale` with `q` from -8 to 7. Source: the compressed-tensors format `pack-quantized`, 4 bits, symmetric, group size 32.
public final class Int4Groups {
    private static final int PER_WORD = 8;
    private static final int OFFSET = 8;
    private static final float HALF_RANGE = 7.5f;
    private static final float SCALE_FLOOR = 0x1p-23f;

    private final int group;

    /// A scheme with `group` values per scale.
    ///
    /// @throws IllegalArgumentException if the group is not a positive multiple of eight
    public Int4Groups(int group) {
        if (group < PER_WORD || group % PER_WORD != 0) {
            throw new IllegalArgumentException("an int4 group is a positive multiple of 8, got " + group);
        }
        this.group = group;
    }

    /// Words and scales of one matrix.
    ///
    /// @param words `rows x ceil(columns / 8)` packed words
    /// @param scales `rows x ceil(columns / group)` scales, each representable in BF16
    @SuppressWarnings("ArrayRecordComponent")
    public record Packed(int[] words, double[] scales) {}

    /// Scales per row of a matrix with `columns` columns.
    public int scaleColumns(int columns) {
        return Math.ceilDiv(columns, group);
    }

    /// The signed values, -8 to 7, of a `rows x columns` matrix.
    public static int[] unpack(int[] words, int rows, int columns) {
        int wordsPerRow = Math.ceilDiv(columns, PER_WORD);
        Sizes.require("words", words.length, rows, wordsPerRow);
        int[] values = new int[rows * columns];
        for (int row = 0; row < rows; row++) {
            for (int column = 0; column < columns; column++) {
                int word = words[row * wordsPerRow + column / PER_WORD];
                values[row * columns + column] = ((word >>> (4 * (column % PER_WORD))) & 0xf) - OFFSET;
            }
        }
        return values;
    }

    /// The inverse of [#unpack]; unused places of a row's last word hold zero bits.
    ///
    /// @throws IllegalArgumentException if a value is outside -8 to 7
    public static int[] pack(int[] values, int rows, int columns) {
        Sizes.require("values", values.length, rows, columns);
        int wordsPerRow = Math.ceilDiv(columns, PER_WORD);
        int[] words = new int[rows * wordsPerRow];
        for (int row = 0; row < rows; row++) {
            for (int column = 0; column < columns; column++) {
                int value = values[row * columns + column];
                if (value < -OFFSET || value >= OFFSET) {
                    throw new IllegalArgumentException("an int4 value is -8 to 7, got " + value + " at row " + row + ", column " + column);
                }
                words[row * wordsPerRow + column / PER_WORD] |= (value + OFFSET) << (4 * (column % PER_WORD));
            }
        }
        return words;
    }

    /// The values of a `rows x columns` matrix; exact in F32, to be rounded to BF16 where the reference result is BF16.
    public double[] dequantize(Packed packed, int rows, int columns) {
        Sizes.require("scales", packed.scales().length, rows, scaleColumns(columns));
        int[] integers = unpack(packed.words(), rows, columns);
        double[] values = new double[integers.length];
        for (int row = 0; row < rows; row++) {
            for (int column = 0; column < columns; column++) {
                int index = row * columns + column;
                values[index] = integers[index] * packed.scales()[row * scaleColumns(columns) + column / group];
            }
        }
        return values;
    }

    /// The nearest codes: per group `s = bf16(max(amax / 7.5, 2^-23))`, `q = clamp(rint(x / s), -8, 7)` with the quotients in F32.
    ///
    /// The half step beyond 7 and the floor are those of compressed-tensors, `calculate_qparams`: a symmetric range divides by half of
    /// `qmax - qmin`, and a scale is at least the F32 machine epsilon.
    public Packed quantize(double[] values, int rows, int columns) {
        Sizes.require("values", values.length, rows, columns);
        double[] scales = new double[rows * scaleColumns(columns)];
        int[] integers = new int[values.length];
        for (int row = 0; row < rows; row++) {
            for (int first = 0; first < columns; first += group) {
                int end = Math.min(first + group, columns);
                float scale = groupScale(values, row * columns + first, row * columns + end);
                scales[row * scaleColumns(columns) + first / group] = scale;
                for (int column = first; column < end; column++) {
                    double nearest = Math.rint((float) values[row * columns + column] / scale);
                    integers[row * columns + column] = (int) Math.clamp(nearest, -8.0, 7.0);
                }
            }
        }
        return new Packed(pack(integers, rows, columns), scales);
    }

    private static float groupScale(double[] values, int from, int to) {
        float amax = 0;
        for (int i = from; i < to; i++) {
            amax = Math.max(amax, Math.abs((float) values[i]));
        }
        return (float) FloatFormat.BF16.round(Math.max(amax / HALF_RANGE, SCALE_FLOOR), FloatFormat.Overflow.SATURATE);
    }
}
