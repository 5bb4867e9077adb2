package dev.halcyon.backend.cpu.loops;

import dev.halcyon.backend.cpu.product.Elements;
import dev.halcyon.hal.memory.DType;

import java.lang.foreign.MemorySegment;

/// Inner loops over register tiles of matrix products.
///
/// Left-hand values are F32 in native memory, aligned to their size; right-hand values are in
/// native memory and may be narrower. Sums are F32 in Java arrays: every access to a segment costs
/// the compiler so much of its inlining budget that tiles with sums in segments do not fit it.
/// Offsets and pitches of segments count bytes, those of arrays elements. Segments must never be
/// views of Java arrays: one kernel that meets both kinds loses nine tenths of its speed.
///
/// *Order of sums.* The tiles along k keep [#lanes()] partial sums of one element, the tiles over
/// panels add one product after the other, within a run of [#RUN] steps or over all. Neither
/// depends on how many rows or columns a tile has, nor on where a caller cuts k, who does so only
/// at multiples of a run, so the result of a row is the same bits whatever is computed beside it.
public interface MatrixLoops {
    /// Rows of a weight that the tiles along k take at a time.
    int WEIGHT_ROWS = 4;

    /// Steps along k that the tiles over panels may add up before they add the sum to the results.
    int RUN = 256;

    /// Floats that a tile over panels may need: 8 rows of two vectors of 512 bits, and one to
    /// spare.
    int TILE_FLOATS = 8 * 32 + 1;

    /// {@return floats a vector holds: partial sums of an element in the tiles along k}
    int lanes();

    /// {@return columns of a panel: two vectors}
    default int panelColumns() {
        return 2 * lanes();
    }

    /// {@return rows of the tile along k to take when `rows` are left, at most that many}
    int dotTile(int rows);

    /// {@return rows of the panel tile to take when `rows` are left; it may have more, which are
    /// then padding}
    int panelTile(int rows);

    /// Adds the products of `rows` left-hand rows and four rows of an F32 weight to their partial
    /// sums: `sums[i][j][k % lanes] += left[i][k] * right[j][k]`.
    ///
    /// @param rows a number of rows that [#dotTile] gives
    /// @param rightAt0 where weight row 0 begins; 1 to 3 follow, and may be the same row again
    /// @param k a multiple of [#lanes()]
    void dotF32(
            int rows,
            MemorySegment left,
            long leftAt,
            long leftPitch,
            MemorySegment right,
            long rightAt0,
            long rightAt1,
            long rightAt2,
            long rightAt3,
            int k,
            float[] sums,
            int sumsAt);

    /// As [#dotF32] with a BF16 weight, `left` in the plane order of two planes, and `k` a multiple
    /// of twice the lanes.
    void dotBf16(
            int rows,
            MemorySegment left,
            long leftAt,
            long leftPitch,
            MemorySegment right,
            long rightAt0,
            long rightAt1,
            long rightAt2,
            long rightAt3,
            int k,
            float[] sums,
            int sumsAt);

    /// {@return whether [#dotCodes] takes rows of these elements}
    ///
    /// @param blockColumns columns that share a scale
    default boolean takesCodes(DType type, int blockColumns) {
        return false;
    }

    /// As [#dotF32] with four rows of block-scaled codes: `sums[i][j][k % lanes] += Σ_b scale[j][b]
    /// · Σ_{k in b} left[i][k] · code[j][k]`, `left` in the plane order of the codes' words.
    ///
    /// @param k a multiple of the elements in a vector of words
    /// @param scales the scales of the rows' blocks; the first one begins at the first code
    /// @param scalesPitch from the scales of a row of codes to those of the next
    default void dotCodes(
            DType type,
            int rows,
            MemorySegment left,
            long leftAt,
            long leftPitch,
            MemorySegment codes,
            long codesAt0,
            long codesAt1,
            long codesAt2,
            long codesAt3,
            int k,
            int blockColumns,
            float[] scales,
            int scalesPitch,
            float[] sums,
            int sumsAt) {
        throw new UnsupportedOperationException("these loops decode first; see takesCodes");
    }

    /// Adds up the partial sums of `count` elements, in an order that depends on [#lanes()] alone.
    void reduce(int count, float[] sums, int sumsAt, float[] out, int outAt);

    /// Adds the product of `rows` packed left-hand rows and one F32 panel to a tile of results:
    /// `out[i][j] += left[k][i] * panel[k][j]`.
    ///
    /// @param rows a number of rows that [#panelTile] gives
    /// @param k steps; runs are counted from the first one
    /// @param tile room for [#TILE_FLOATS]
    void panelF32(
            int rows,
            MemorySegment left,
            long leftAt,
            MemorySegment panel,
            long panelAt,
            int k,
            float[] tile,
            float[] out,
            int outAt,
            int outPitch);

    /// As [#panelF32] with a BF16 panel in pairs, `panel[k / 2][j][k % 2]`, and `k` even.
    void panelBf16(
            int rows,
            MemorySegment left,
            long leftAt,
            MemorySegment panel,
            long panelAt,
            int k,
            float[] tile,
            float[] out,
            int outAt,
            int outPitch);

    /// {@return elements that a 32-bit word of this type holds, if [#decode] takes it; otherwise 1}
    static int planes(DType type) {
        return switch (type) {
            case BF16 -> 2;
            case F8_E4M3, F8_E5M2 -> 4;
            case F4_E2M1, I4 -> 8;
            default -> 1;
        };
    }

    /// Decodes and scales words of 8- or 4-bit elements into plane order: of every run of
    /// [#lanes()] words the first elements of all words, then the second ones, and so on.
    ///
    /// Element order would cost a shuffle for every vector; the left-hand side takes the same order
    /// once instead.
    ///
    /// @param type F8_E4M3, F8_E5M2, F4_E2M1 or I4
    /// @param scales one F32 scale a word
    /// @param words a multiple of [#lanes()]
    void decode(
            DType type,
            MemorySegment codes,
            long codesAt,
            MemorySegment scales,
            long scalesAt,
            int words,
            MemorySegment out,
            long outAt);

    /// Widens `count` neighbouring elements to F32.
    ///
    /// @param type F32, BF16, F16 or an 8-bit float
    void widen(DType type, MemorySegment from, long fromAt, int count, MemorySegment to, long toAt);

    /// Widens the first `k` elements of some rows into a tile or panel, transposed: `out[k][i] =
    /// from[i][k]`; what lies beside them in `out` stays as it is.
    ///
    /// @param type as in [#widen]
    /// @param rowBytes from a row to the next
    /// @param outPitch floats from `out[k]` to `out[k + 1]`
    default void packRows(
            DType type,
            MemorySegment from,
            long fromAt,
            long rowBytes,
            int rows,
            int k,
            MemorySegment out,
            long outAt,
            int outPitch) {
        long step = (long) outPitch * Float.BYTES;
        for (int i = 0; i < rows; i++) {
            long at = fromAt + i * rowBytes;
            long to = outAt + (long) i * Float.BYTES;
            Elements.widen(type, from, at, type.bits() / 8, k, out, to, step);
        }
    }

    /// As [#packRows] where the rows lie along k: `out[k][i] = from[k][i]`.
    default void packColumns(
            DType type,
            MemorySegment from,
            long fromAt,
            long rowBytes,
            int columns,
            int k,
            MemorySegment out,
            long outAt,
            int outPitch) {
        for (int s = 0; s < k; s++) {
            long at = fromAt + s * rowBytes;
            long to = outAt + (long) s * outPitch * Float.BYTES;
            widen(type, from, at, columns, out, to);
        }
    }

    /// Transposes a matrix, bit for bit: `to[j][i] = from[i][j]`.
    ///
    /// @param type F32, BF16 or F16
    /// @param fromRowBytes from a row to the next
    /// @param toRowBytes from a row of the result to the next
    default void transpose(
            DType type,
            MemorySegment from,
            long fromAt,
            long fromRowBytes,
            int rows,
            int columns,
            MemorySegment to,
            long toAt,
            long toRowBytes) {
        boolean wide = type.bits() == Integer.SIZE;
        for (int i = 0; i < rows; i++) {
            for (int j = 0; j < columns; j++) {
                long source = fromAt + i * fromRowBytes + type.bytes(j);
                long target = toAt + j * toRowBytes + type.bytes(i);
                if (wide) {
                    to.set(Elements.INT, target, from.get(Elements.INT, source));
                } else {
                    to.set(Elements.SHORT, target, from.get(Elements.SHORT, source));
                }
            }
        }
    }

    /// Widens a BF16 panel in pairs to an F32 panel.
    ///
    /// @param k even
    void unpair(MemorySegment panel, long panelAt, int k, MemorySegment out, long outAt);

    /// Stores `count` results: `out = alpha * sums + beta * addend`, computed in F32 and rounded
    /// once.
    ///
    /// @param beta 0 leaves the addend unread
    /// @param addend elements of `out`'s type
    void store(
            DType type,
            int count,
            float alpha,
            float[] sums,
            int sumsAt,
            float beta,
            MemorySegment addend,
            long addendAt,
            MemorySegment out,
            long outAt);
}
