package dev.halcyon.tck.format;

/// The packing of 4-bit codes: the first of a group in the lowest bits.
///
/// In bytes, the even column is the low nibble (DeepSeek-V4 inference/convert.py; PyTorch
/// `float4_e2m1fn_x2`). In 32-bit words, value i of eight sits in bits `4i` to `4i + 3`
/// (compressed-tensors `pack-quantized`); the little-endian bytes of such a word are the same
/// bytes. Rows begin at a byte or word of their own; places beyond the last column hold zero bits.
public final class Nibbles {
    private static final int PER_BYTE = 2;
    private static final int PER_WORD = 8;

    private Nibbles() {}

    /// Codes of a `rows x columns` matrix from bytes.
    public static int[] fromBytes(byte[] packed, int rows, int columns) {
        int perRow = Math.ceilDiv(columns, PER_BYTE);
        Sizes.require("bytes", packed.length, rows, perRow);
        int[] codes = new int[rows * columns];
        for (int i = 0; i < codes.length; i++) {
            int pair = packed[i / columns * perRow + i % columns / PER_BYTE];
            codes[i] = pair >>> (4 * (i % columns % PER_BYTE)) & 0xf;
        }
        return codes;
    }

    /// Codes of a `rows x columns` matrix to bytes.
    ///
    /// @throws IllegalArgumentException if a code has more than four bits
    public static byte[] toBytes(int[] codes, int rows, int columns) {
        Sizes.require("codes", codes.length, rows, columns);
        int perRow = Math.ceilDiv(columns, PER_BYTE);
        byte[] packed = new byte[rows * perRow];
        for (int i = 0; i < codes.length; i++) {
            packed[i / columns * perRow + i % columns / PER_BYTE] |=
                    (byte) (requireNibble(codes[i]) << (4 * (i % columns % PER_BYTE)));
        }
        return packed;
    }

    /// Codes of a `rows x columns` matrix from words.
    public static int[] fromWords(int[] packed, int rows, int columns) {
        int perRow = Math.ceilDiv(columns, PER_WORD);
        Sizes.require("words", packed.length, rows, perRow);
        int[] codes = new int[rows * columns];
        for (int i = 0; i < codes.length; i++) {
            int word = packed[i / columns * perRow + i % columns / PER_WORD];
            codes[i] = word >>> (4 * (i % columns % PER_WORD)) & 0xf;
        }
        return codes;
    }

    /// Codes of a `rows x columns` matrix to words.
    ///
    /// @throws IllegalArgumentException if a code has more than four bits
    public static int[] toWords(int[] codes, int rows, int columns) {
        Sizes.require("codes", codes.length, rows, columns);
        int perRow = Math.ceilDiv(columns, PER_WORD);
        int[] packed = new int[rows * perRow];
        for (int i = 0; i < codes.length; i++) {
            packed[i / columns * perRow + i % columns / PER_WORD] |=
                    requireNibble(codes[i]) << (4 * (i % columns % PER_WORD));
        }
        return packed;
    }

    private static int requireNibble(int code) {
        if (code < 0 || code > 0xf) {
            throw new IllegalArgumentException("a 4-bit code is 0 to 15, got " + code);
        }
        return code;
    }
}
