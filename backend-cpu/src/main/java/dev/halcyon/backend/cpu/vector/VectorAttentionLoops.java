package dev.halcyon.backend.cpu.vector;

import dev.halcyon.backend.cpu.loops.AttentionLoops;
import dev.halcyon.backend.cpu.memory.NativeMemory;

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
        if (keyCount == 0 || panels == 0) {
            return;
        }
        // Whole tiles of keys are read and written, and there is room for them.
        int padded = Math.ceilDiv(keyCount, TILE) * TILE;
        long queryStride = dim * VECTOR_BYTES;
        long firstKey = NativeMemory.address(memory, keys, (padded - 1) * keyStride + dim * 4L);
        long firstQuery = NativeMemory.address(memory, queries, panels * queryStride);
        long firstScore =
                NativeMemory.address(
                        memory, scores, (panels - 1) * PANEL_SCORE_BYTES + padded * VECTOR_BYTES);
        long spare = NativeMemory.address(memory, part, 2 * PANEL_SCORE_BYTES);
        for (int panel = 0; panel < panels; panel += 2) {
            boolean pair = panel + 1 < panels;
            long total = firstScore + panel * PANEL_SCORE_BYTES;
            for (int from = 0; from < dim; from += SCORE_RUN) {
                int run = Math.min(SCORE_RUN, dim - from);
                long query = firstQuery + panel * queryStride + from * VECTOR_BYTES;
                long into = from == 0 ? total : spare;
                scoreRun(
                        firstKey + from * 4L,
                        keyStride,
                        keyCount,
                        run,
                        query,
                        queryStride,
                        into,
                        pair);
                if (from > 0) {
                    ScoreTile.add(total, spare, keyCount);
                    if (pair) {
                        ScoreTile.add(
                                total + PANEL_SCORE_BYTES, spare + PANEL_SCORE_BYTES, keyCount);
                    }
                }
            }
        }
    }

    private static void scoreRun(
            long keys,
            long keyStride,
            int keyCount,
            int run,
            long query,
            long queryStride,
            long into,
            boolean pair) {
        for (int key = 0; key < keyCount; key += TILE) {
            long row = keys + key * keyStride;
            long out = into + key * VECTOR_BYTES;
            if (WIDE && pair) {
                ScoreTile.keys8panels2(
                        row, keyStride, run, query, queryStride, out, PANEL_SCORE_BYTES);
            } else if (WIDE) {
                ScoreTile.keys8panels1(row, keyStride, run, query, out);
            } else if (pair) {
                ScoreTile.keys4panels2(
                        row, keyStride, run, query, queryStride, out, PANEL_SCORE_BYTES);
            } else {
                ScoreTile.keys4panels1(row, keyStride, run, query, out);
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
        if (keyCount == 0 || panels == 0) {
            return;
        }
        int lanes = panels * COUNT;
        long firstValue =
                NativeMemory.address(memory, values, (keyCount - 1) * valueStride + columns * 4L);
        long firstWeight =
                NativeMemory.address(
                        memory,
                        weights,
                        (panels - 1) * PANEL_SCORE_BYTES + keyCount * VECTOR_BYTES);
        long firstKept = NativeMemory.address(memory, correction, lanes * 4L);
        long firstSum = NativeMemory.address(memory, sums, (lanes - 1) * sumStride + columns * 4L);
        long spare = NativeMemory.address(memory, part, 2 * TILE * VECTOR_BYTES);
        for (int column = 0; column < columns; column += 2 * COUNT) {
            long value = firstValue + column * 4L;
            for (int lane = 0; lane < lanes; lane += TILE) {
                long weight = firstWeight + lane / COUNT * PANEL_SCORE_BYTES + lane % COUNT * 4L;
                long out = firstSum + lane * sumStride + column * 4L;
                if (WIDE) {
                    ValueTile.lanes8(weight, keyCount, value, valueStride, spare);
                } else {
                    ValueTile.lanes4(weight, keyCount, value, valueStride, spare);
                }
                if (fresh) {
                    ValueTile.copy(out, sumStride, spare, TILE);
                } else {
                    ValueTile.add(out, sumStride, firstKept + lane * 4L, spare, TILE);
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
