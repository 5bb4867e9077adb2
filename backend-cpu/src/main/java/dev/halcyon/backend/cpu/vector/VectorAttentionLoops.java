package dev.halcyon.backend.cpu.vector;

import dev.halcyon.backend.cpu.loops.AttentionLoops;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/// Loops over tiles of attention on the Vector API: a panel is a vector.
final class VectorAttentionLoops implements AttentionLoops {
    private static final VectorSpecies<Float> FLOATS = Lanes.FLOATS;
    private static final ByteOrder ORDER = Lanes.ORDER;
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;
    private static final int COUNT = Lanes.COUNT;
    private static final long VECTOR_BYTES = 4L * COUNT;
    private static final long PANEL_SCORE_BYTES = BLOCK_KEYS * VECTOR_BYTES;

    /// Machines with 512-bit vectors have 32 registers; narrower ones may have 16.
    private static final boolean WIDE = COUNT >= 16;

    private static final int TILE = WIDE ? 8 : 4;
    private static final int BF16_SHIFT = 16;

    @Override
    public int panelLanes() {
        return COUNT;
    }

    @Override
    public int columnMultiple() {
        return 2 * COUNT;
    }

    @Override
    public void widenBf16(
            MemorySegment from, long byteOffset, MemorySegment memory, long to, int n) {
        int whole = n - n % COUNT;
        for (int i = 0; i < whole; i += COUNT) {
            ShortVector halves =
                    ShortVector.fromMemorySegment(
                            Lanes.HALF_SHORTS, from, byteOffset + i * 2L, ORDER);
            IntVector bits =
                    (IntVector) halves.convertShape(VectorOperators.ZERO_EXTEND_S2I, Lanes.INTS, 0);
            bits.lanewise(VectorOperators.LSHL, BF16_SHIFT)
                    .intoMemorySegment(memory, to + i * 4L, ORDER);
        }
        for (int i = whole; i < n; i++) {
            int bits = from.get(SHORT, byteOffset + i * 2L) << BF16_SHIFT;
            memory.set(FLOAT, to + i * 4L, Float.intBitsToFloat(bits));
        }
    }

    @Override
    public void scores(
            MemorySegment memory,
            long keys,
            long keyStride,
            int keyCount,
            int dim,
            long queries,
            long scores,
            long part,
            int panels) {
        long queryStride = dim * VECTOR_BYTES;
        for (int panel = 0; panel < panels; panel += 2) {
            boolean pair = panel + 1 < panels;
            long total = scores + panel * PANEL_SCORE_BYTES;
            for (int from = 0; from < dim; from += SCORE_RUN) {
                int run = Math.min(SCORE_RUN, dim - from);
                long query = queries + panel * queryStride + from * VECTOR_BYTES;
                long into = from == 0 ? total : part;
                for (int key = 0; key < keyCount; key += TILE) {
                    long row = keys + key * keyStride + from * 4L;
                    long out = into + key * VECTOR_BYTES;
                    if (WIDE && pair) {
                        ScoreTile.keys8panels2(
                                memory,
                                row,
                                keyStride,
                                run,
                                query,
                                queryStride,
                                out,
                                PANEL_SCORE_BYTES);
                    } else if (WIDE) {
                        ScoreTile.keys8panels1(memory, row, keyStride, run, query, out);
                    } else if (pair) {
                        ScoreTile.keys4panels2(
                                memory,
                                row,
                                keyStride,
                                run,
                                query,
                                queryStride,
                                out,
                                PANEL_SCORE_BYTES);
                    } else {
                        ScoreTile.keys4panels1(memory, row, keyStride, run, query, out);
                    }
                }
                if (from > 0) {
                    ScoreTile.add(memory, total, part, keyCount);
                    if (pair) {
                        ScoreTile.add(
                                memory,
                                total + PANEL_SCORE_BYTES,
                                part + PANEL_SCORE_BYTES,
                                keyCount);
                    }
                }
            }
        }
    }

    @Override
    public void softmax(
            MemorySegment memory,
            long scores,
            int keyCount,
            float scale,
            long max,
            long sum,
            long correction,
            int panels) {
        for (int panel = 0; panel < panels; panel++) {
            long state = panel * VECTOR_BYTES;
            SoftmaxTile.panel(
                    memory,
                    scores + panel * PANEL_SCORE_BYTES,
                    keyCount,
                    scale,
                    max + state,
                    sum + state,
                    correction + state);
        }
    }

    @Override
    public void values(
            MemorySegment memory,
            long weights,
            int keyCount,
            long values,
            long valueStride,
            int columns,
            long correction,
            long sums,
            long sumStride,
            long part,
            boolean fresh,
            int panels) {
        for (int column = 0; column < columns; column += 2 * COUNT) {
            long value = values + column * 4L;
            for (int lane = 0; lane < panels * COUNT; lane += TILE) {
                int inPanel = lane % COUNT;
                long weight = weights + lane / COUNT * PANEL_SCORE_BYTES + inPanel * 4L;
                long kept = correction + lane * 4L;
                long out = sums + lane * sumStride + column * 4L;
                if (WIDE) {
                    ValueTile.lanes8(memory, weight, keyCount, value, valueStride, part);
                } else {
                    ValueTile.lanes4(memory, weight, keyCount, value, valueStride, part);
                }
                if (fresh) {
                    ValueTile.copy(memory, out, sumStride, part, TILE);
                } else {
                    ValueTile.add(memory, out, sumStride, kept, part, TILE);
                }
            }
        }
    }

    @Override
    public void blend(MemorySegment memory, float a, long x, float b, long y, int n) {
        int whole = n - n % COUNT;
        for (int i = 0; i < whole; i += COUNT) {
            FloatVector ofX = FloatVector.fromMemorySegment(FLOATS, memory, x + i * 4L, ORDER);
            FloatVector ofY = FloatVector.fromMemorySegment(FLOATS, memory, y + i * 4L, ORDER);
            ofX.mul(a).add(ofY.mul(b)).intoMemorySegment(memory, x + i * 4L, ORDER);
        }
        for (int i = whole; i < n; i++) {
            memory.set(
                    FLOAT,
                    x + i * 4L,
                    a * memory.get(FLOAT, x + i * 4L) + b * memory.get(FLOAT, y + i * 4L));
        }
    }

    @Override
    public void addScaled(MemorySegment memory, float factor, long x, float[] row, int n) {
        int whole = n - n % COUNT;
        for (int i = 0; i < whole; i += COUNT) {
            FloatVector ofX = FloatVector.fromMemorySegment(FLOATS, memory, x + i * 4L, ORDER);
            ofX.mul(factor).add(FloatVector.fromArray(FLOATS, row, i)).intoArray(row, i);
        }
        for (int i = whole; i < n; i++) {
            row[i] += factor * memory.get(FLOAT, x + i * 4L);
        }
    }
}
