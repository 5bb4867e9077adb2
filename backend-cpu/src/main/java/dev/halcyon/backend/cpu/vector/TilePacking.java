package dev.halcyon.backend.cpu.vector;

import static dev.halcyon.backend.cpu.memory.NativeMemory.ADDRESS_BITS;
import static dev.halcyon.backend.cpu.memory.NativeMemory.ALL;
import static dev.halcyon.backend.cpu.vector.Lanes.COUNT;
import static dev.halcyon.backend.cpu.vector.Lanes.FLOATS;
import static dev.halcyon.backend.cpu.vector.Lanes.HALF_SHORTS;
import static dev.halcyon.backend.cpu.vector.Lanes.INTS;
import static dev.halcyon.backend.cpu.vector.Lanes.ORDER;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;

import java.lang.foreign.ValueLayout;

/// Copies of F32 and BF16 matrices into the order in which tiles and panels are read: `out[k][i]`,
/// widened to F32.
///
/// Words of 64 bits carry two elements of F32 at a time, or four of BF16; a transposition within
/// vectors would need more shuffles than that needs moves. All addresses have been checked.
final class TilePacking {
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ORDER);
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ORDER);
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ORDER);
    private static final long LOWER_WORD = 0xffffffffL;
    private static final long UPPER_WORD = ~LOWER_WORD;

    /// Elements of each row before the next rows: what is written stays in the first-level cache
    /// until its lines are full.
    private static final int RUN = 128;

    /// As [#RUN] where what is written lies in rows of their own, which a power of two may keep in
    /// one set of the cache.
    private static final int SHORT_RUN = 8;

    /// A step over this is one to another row of a matrix, not of a tile.
    private static final long FAR_BYTES = 256;

    /// The last 16 bits of each half, where a widened BF16 ends.
    private static final long HIGH_OF_LOWER = 0xffff0000L;

    private static final long HIGH_OF_UPPER = 0xffff0000_00000000L;

    private static final long ODD_SHORTS = 0x0000ffff_0000ffffL;
    private static final long EVEN_SHORTS = ~ODD_SHORTS;

    private TilePacking() {}

    /// `out[k][i] = from[i][k]` of F32 rows.
    ///
    /// @param step bytes from `out[k]` to `out[k + 1]`
    static void f32Rows(long from, long rowBytes, int rows, int k, long out, long step) {
        int most = step > FAR_BYTES ? SHORT_RUN : RUN;
        for (int s = 0; s < k; s += most) {
            int run = Math.min(most, k - s);
            long at = from + s * 4L;
            long to = out + s * step;
            int i = 0;
            for (; i + 1 < rows; i += 2) {
                f32RowPair(at + i * rowBytes, rowBytes, run, to + i * 4L, step);
            }
            if (i < rows) {
                f32Row(at + i * rowBytes, run, to + i * 4L, step);
            }
        }
    }

    private static void f32Row(long from, int k, long out, long step) {
        long a = from & ADDRESS_BITS;
        long to = out & ADDRESS_BITS;
        for (int s = 0; s < k; s++) {
            ALL.set(INT, to, ALL.get(INT, a + s * 4L));
            to = to + step & ADDRESS_BITS;
        }
    }

    private static void f32RowPair(long from, long rowBytes, int k, long out, long step) {
        long a = from & ADDRESS_BITS;
        long b = from + rowBytes & ADDRESS_BITS;
        long to = out & ADDRESS_BITS;
        int s = 0;
        for (; s + 1 < k; s += 2) {
            long x = ALL.get(LONG, a + s * 4L);
            long y = ALL.get(LONG, b + s * 4L);
            ALL.set(LONG, to, x & LOWER_WORD | y << 32);
            to = to + step & ADDRESS_BITS;
            ALL.set(LONG, to, x >>> 32 | y & UPPER_WORD);
            to = to + step & ADDRESS_BITS;
        }
        if (s < k) {
            ALL.set(INT, to, ALL.get(INT, a + s * 4L));
            ALL.set(INT, to + 4, ALL.get(INT, b + s * 4L));
        }
    }

    /// `out[k][i] = from[i][k]` of BF16 rows.
    static void bf16Rows(long from, long rowBytes, int rows, int k, long out, long step) {
        for (int s = 0; s < k; s += RUN) {
            int run = Math.min(RUN, k - s);
            long at = from + s * 2L;
            long to = out + s * step;
            int i = 0;
            for (; i + 1 < rows; i += 2) {
                bf16RowPair(at + i * rowBytes, rowBytes, run, to + i * 4L, step);
            }
            if (i < rows) {
                bf16Row(at + i * rowBytes, run, to + i * 4L, step);
            }
        }
    }

    private static void bf16Row(long from, int k, long out, long step) {
        long a = from & ADDRESS_BITS;
        long to = out & ADDRESS_BITS;
        for (int s = 0; s < k; s++) {
            ALL.set(INT, to, ALL.get(SHORT, a + s * 2L) << 16);
            to = to + step & ADDRESS_BITS;
        }
    }

    private static void bf16RowPair(long from, long rowBytes, int k, long out, long step) {
        long a = from & ADDRESS_BITS;
        long b = from + rowBytes & ADDRESS_BITS;
        long to = out & ADDRESS_BITS;
        int s = 0;
        for (; s + 3 < k; s += 4) {
            long x = ALL.get(LONG, a + s * 2L);
            long y = ALL.get(LONG, b + s * 2L);
            ALL.set(LONG, to, x << 16 & HIGH_OF_LOWER | y << 48);
            to = to + step & ADDRESS_BITS;
            ALL.set(LONG, to, x & HIGH_OF_LOWER | y << 32 & HIGH_OF_UPPER);
            to = to + step & ADDRESS_BITS;
            ALL.set(LONG, to, x >>> 16 & HIGH_OF_LOWER | y << 16 & HIGH_OF_UPPER);
            to = to + step & ADDRESS_BITS;
            ALL.set(LONG, to, x >>> 32 & HIGH_OF_LOWER | y & HIGH_OF_UPPER);
            to = to + step & ADDRESS_BITS;
        }
        for (; s < k; s++) {
            ALL.set(INT, to, ALL.get(SHORT, a + s * 2L) << 16);
            ALL.set(INT, to + 4, ALL.get(SHORT, b + s * 2L) << 16);
            to = to + step & ADDRESS_BITS;
        }
    }

    /// `out[k][i] = from[k][i]` of F32 rows for a whole panel.
    static void f32Panel(long from, long rowBytes, int k, long out) {
        long a = from & ADDRESS_BITS;
        long to = out & ADDRESS_BITS;
        for (int s = 0; s < k; s++) {
            long t = to + s * (8L * COUNT);
            FloatVector.fromMemorySegment(FLOATS, ALL, a, ORDER).intoMemorySegment(ALL, t, ORDER);
            FloatVector.fromMemorySegment(FLOATS, ALL, a + 4L * COUNT, ORDER)
                    .intoMemorySegment(ALL, t + 4L * COUNT, ORDER);
            a = a + rowBytes & ADDRESS_BITS;
        }
    }

    /// `out[k][i] = from[k][i]` of BF16 rows for a whole panel.
    static void bf16Panel(long from, long rowBytes, int k, long out) {
        long a = from & ADDRESS_BITS;
        long to = out & ADDRESS_BITS;
        for (int s = 0; s < k; s++) {
            long t = to + s * (8L * COUNT);
            ShortVector x = ShortVector.fromMemorySegment(HALF_SHORTS, ALL, a, ORDER);
            ((IntVector) x.convertShape(VectorOperators.ZERO_EXTEND_S2I, INTS, 0))
                    .lanewise(VectorOperators.LSHL, 16)
                    .intoMemorySegment(ALL, t, ORDER);
            ShortVector y = ShortVector.fromMemorySegment(HALF_SHORTS, ALL, a + 2L * COUNT, ORDER);
            ((IntVector) y.convertShape(VectorOperators.ZERO_EXTEND_S2I, INTS, 0))
                    .lanewise(VectorOperators.LSHL, 16)
                    .intoMemorySegment(ALL, t + 4L * COUNT, ORDER);
            a = a + rowBytes & ADDRESS_BITS;
        }
    }

    /// `out[j][i] = from[i][j]` of 16-bit elements.
    static void transposeShorts(
            long from, long rowBytes, int rows, int columns, long out, long outRowBytes) {
        for (int j = 0; j < columns; j += SHORT_RUN) {
            int run = Math.min(SHORT_RUN, columns - j);
            long at = from + j * 2L;
            long to = out + j * outRowBytes;
            int i = 0;
            for (; i + 3 < rows; i += 4) {
                shortRowQuad(at + i * rowBytes, rowBytes, run, to + i * 2L, outRowBytes);
            }
            for (; i < rows; i++) {
                shortRow(at + i * rowBytes, run, to + i * 2L, outRowBytes);
            }
        }
    }

    private static void shortRow(long from, int columns, long out, long outRowBytes) {
        long a = from & ADDRESS_BITS;
        long to = out & ADDRESS_BITS;
        for (int j = 0; j < columns; j++) {
            ALL.set(SHORT, to, ALL.get(SHORT, a + j * 2L));
            to = to + outRowBytes & ADDRESS_BITS;
        }
    }

    private static void shortRowQuad(
            long from, long rowBytes, int columns, long out, long outRowBytes) {
        long a = from & ADDRESS_BITS;
        long b = from + rowBytes & ADDRESS_BITS;
        long c = from + 2 * rowBytes & ADDRESS_BITS;
        long d = from + 3 * rowBytes & ADDRESS_BITS;
        long to = out & ADDRESS_BITS;
        int j = 0;
        for (; j + 3 < columns; j += 4) {
            long w = ALL.get(LONG, a + j * 2L);
            long x = ALL.get(LONG, b + j * 2L);
            long y = ALL.get(LONG, c + j * 2L);
            long z = ALL.get(LONG, d + j * 2L);
            // Pairs of neighbouring columns first, then their halves.
            long wx = w & ODD_SHORTS | x << 16 & EVEN_SHORTS;
            long xw = w >>> 16 & ODD_SHORTS | x & EVEN_SHORTS;
            long yz = y & ODD_SHORTS | z << 16 & EVEN_SHORTS;
            long zy = y >>> 16 & ODD_SHORTS | z & EVEN_SHORTS;
            ALL.set(LONG, to, wx & LOWER_WORD | yz << 32);
            to = to + outRowBytes & ADDRESS_BITS;
            ALL.set(LONG, to, xw & LOWER_WORD | zy << 32);
            to = to + outRowBytes & ADDRESS_BITS;
            ALL.set(LONG, to, wx >>> 32 | yz & UPPER_WORD);
            to = to + outRowBytes & ADDRESS_BITS;
            ALL.set(LONG, to, xw >>> 32 | zy & UPPER_WORD);
            to = to + outRowBytes & ADDRESS_BITS;
        }
        for (; j < columns; j++) {
            ALL.set(SHORT, to, ALL.get(SHORT, a + j * 2L));
            ALL.set(SHORT, to + 2, ALL.get(SHORT, b + j * 2L));
            ALL.set(SHORT, to + 4, ALL.get(SHORT, c + j * 2L));
            ALL.set(SHORT, to + 6, ALL.get(SHORT, d + j * 2L));
            to = to + outRowBytes & ADDRESS_BITS;
        }
    }

    /// `out[k][i] = from[k][i]` of F32 rows.
    static void f32Columns(long from, long rowBytes, int columns, int k, long out, long step) {
        int vectors = columns - columns % COUNT;
        int longs = columns - columns % 2;
        long a = from & ADDRESS_BITS;
        long to = out & ADDRESS_BITS;
        for (int s = 0; s < k; s++) {
            for (int i = 0; i < vectors; i += COUNT) {
                FloatVector.fromMemorySegment(FLOATS, ALL, a + i * 4L, ORDER)
                        .intoMemorySegment(ALL, to + i * 4L, ORDER);
            }
            for (int i = vectors; i < longs; i += 2) {
                ALL.set(LONG, to + i * 4L, ALL.get(LONG, a + i * 4L));
            }
            if (longs < columns) {
                ALL.set(INT, to + longs * 4L, ALL.get(INT, a + longs * 4L));
            }
            a = a + rowBytes & ADDRESS_BITS;
            to = to + step & ADDRESS_BITS;
        }
    }

    /// `out[k][i] = from[k][i]` of BF16 rows.
    static void bf16Columns(long from, long rowBytes, int columns, int k, long out, long step) {
        int vectors = columns - columns % COUNT;
        int longs = columns - columns % 4;
        long a = from & ADDRESS_BITS;
        long to = out & ADDRESS_BITS;
        for (int s = 0; s < k; s++) {
            for (int i = 0; i < vectors; i += COUNT) {
                ShortVector bits =
                        ShortVector.fromMemorySegment(HALF_SHORTS, ALL, a + i * 2L, ORDER);
                ((IntVector) bits.convertShape(VectorOperators.ZERO_EXTEND_S2I, INTS, 0))
                        .lanewise(VectorOperators.LSHL, 16)
                        .intoMemorySegment(ALL, to + i * 4L, ORDER);
            }
            for (int i = vectors; i < longs; i += 4) {
                long x = ALL.get(LONG, a + i * 2L);
                ALL.set(LONG, to + i * 4L, x << 16 & HIGH_OF_LOWER | x << 32 & HIGH_OF_UPPER);
                ALL.set(LONG, to + i * 4L + 8, x >>> 16 & HIGH_OF_LOWER | x & HIGH_OF_UPPER);
            }
            for (int i = longs; i < columns; i++) {
                ALL.set(INT, to + i * 4L, ALL.get(SHORT, a + i * 2L) << 16);
            }
            a = a + rowBytes & ADDRESS_BITS;
            to = to + step & ADDRESS_BITS;
        }
    }

    /// A BF16 panel in pairs, `panel[k / 2][j][k % 2]`, as an F32 panel `out[k][j]`.
    ///
    /// @param k even
    static void unpair(long panel, int k, long out) {
        long from = panel & ADDRESS_BITS;
        long to = out & ADDRESS_BITS;
        for (int s = 0; s < k / 2; s++) {
            long p = from + s * (8L * COUNT);
            long t = to + s * (16L * COUNT);
            IntVector x = IntVector.fromMemorySegment(INTS, ALL, p, ORDER);
            IntVector y = IntVector.fromMemorySegment(INTS, ALL, p + 4L * COUNT, ORDER);
            x.lanewise(VectorOperators.LSHL, 16).intoMemorySegment(ALL, t, ORDER);
            y.lanewise(VectorOperators.LSHL, 16).intoMemorySegment(ALL, t + 4L * COUNT, ORDER);
            x.and(0xffff0000).intoMemorySegment(ALL, t + 8L * COUNT, ORDER);
            y.and(0xffff0000).intoMemorySegment(ALL, t + 12L * COUNT, ORDER);
        }
    }
}
