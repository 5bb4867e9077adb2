package dev.halcyon.backend.cpu.vector;

import dev.halcyon.backend.cpu.loops.AttentionLoops;
import dev.halcyon.backend.cpu.loops.GroupedRows;
import dev.halcyon.backend.cpu.loops.Meanwhile;
import dev.halcyon.backend.cpu.memory.NativeMemory;

import jdk.incubator.vector.FloatVector;
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

    /// Keys a group: what a tile of one panel takes.
    static final int GROUP = WIDE ? 16 : 8;

    /// Keys of a tile of two panels, and lanes of a tile of values.
    private static final int TILE = WIDE ? 8 : 4;

    /// Vectors of columns of a tile of values; those of the last tiles are two.
    private static final int VECTORS = WIDE ? 3 : 2;

    @Override
    public int panelLanes() {
        return COUNT;
    }

    @Override
    public int columnMultiple() {
        return 2 * COUNT;
    }

    @Override
    public GroupedRows layout(int columns) {
        return GroupedRows.of(GROUP, COUNT, Math.ceilDiv(columns, 2 * COUNT) * 2 * COUNT);
    }

    @Override
    public void widenBf16(
            MemorySegment from,
            long byteOffset,
            MemorySegment memory,
            GroupedRows layout,
            long row,
            int column,
            int n) {
        int whole = column % COUNT == 0 ? n - n % COUNT : 0;
        if (whole > 0) {
            long first = NativeMemory.address(from, byteOffset, whole * 2L);
            long last = layout.column(column + whole - 1) - layout.column(column);
            long to = NativeMemory.address(memory, row + layout.column(column), last + 4);
            WideningTile.bf16(first, to, whole / COUNT);
        }
        for (int i = whole; i < n; i++) {
            int bits = from.get(SHORT, byteOffset + i * 2L) << 16;
            memory.set(FLOAT, row + layout.column(column + i), Float.intBitsToFloat(bits));
        }
    }

    @Override
    public void scores(
            MemorySegment memory,
            long keys,
            GroupedRows layout,
            int keyCount,
            int dim,
            long queries,
            long scores,
            long part,
            int panels,
            Meanwhile meanwhile) {
        if (keyCount == 0 || panels == 0) {
            return;
        }
        int padded = Math.ceilDiv(keyCount, GROUP) * GROUP;
        long queryStride = dim * VECTOR_BYTES;
        long firstKey = NativeMemory.address(memory, keys, layout.bytes(padded));
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
                long key = firstKey + layout.column(from);
                long query = firstQuery + panel * queryStride + from * VECTOR_BYTES;
                long into = from == 0 ? total : spare;
                if (pair) {
                    scorePair(key, layout, keyCount, run, query, queryStride, into, meanwhile);
                } else {
                    scorePanel(key, layout, keyCount, run, query, into, meanwhile);
                }
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

    private static void scorePair(
            long keys,
            GroupedRows layout,
            int keyCount,
            int run,
            long query,
            long queryStride,
            long into,
            Meanwhile meanwhile) {
        for (int key = 0; key < keyCount; key += TILE) {
            long row = keys + layout.row(key);
            long out = into + key * VECTOR_BYTES;
            if (WIDE) {
                ScoreTile.keys8panels2(row, run, query, queryStride, out, PANEL_SCORE_BYTES);
            } else {
                ScoreTile.keys4panels2(row, run, query, queryStride, out, PANEL_SCORE_BYTES);
            }
            meanwhile.after((long) TILE * 2 * COUNT * run);
        }
    }

    private static void scorePanel(
            long keys,
            GroupedRows layout,
            int keyCount,
            int run,
            long query,
            long into,
            Meanwhile meanwhile) {
        for (int key = 0; key < keyCount; key += GROUP) {
            long row = keys + layout.row(key);
            long out = into + key * VECTOR_BYTES;
            if (WIDE) {
                ScoreTile.keys16panels1(row, run, query, out);
            } else {
                ScoreTile.keys8panels1(row, run, query, out);
            }
            meanwhile.after((long) GROUP * COUNT * run);
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
            GroupedRows layout,
            int columns,
            long correction,
            long sums,
            long sumStride,
            float[] part,
            boolean fresh,
            int panels,
            Meanwhile meanwhile) {
        if (keyCount == 0 || panels == 0) {
            return;
        }
        int lanes = panels * COUNT;
        long firstValue =
                NativeMemory.address(
                        memory, values, layout.row(keyCount - 1) + layout.column(columns - 1) + 4);
        long firstWeight =
                NativeMemory.address(
                        memory,
                        weights,
                        (panels - 1) * PANEL_SCORE_BYTES + keyCount * VECTOR_BYTES);
        long firstKept = NativeMemory.address(memory, correction, lanes * 4L);
        long firstSum = NativeMemory.address(memory, sums, (lanes - 1) * sumStride + columns * 4L);
        int vectors;
        for (int column = 0; column < columns; column += vectors * COUNT) {
            vectors = vectors((columns - column) / COUNT);
            long value = firstValue + layout.column(column);
            for (int lane = 0; lane < lanes; lane += TILE) {
                long weight = firstWeight + lane / COUNT * PANEL_SCORE_BYTES + lane % COUNT * 4L;
                long out = firstSum + lane * sumStride + column * 4L;
                weigh(weight, keyCount, value, layout.stride(), part, vectors);
                if (fresh) {
                    ValueTile.copy(out, sumStride, part, TILE, vectors);
                } else {
                    ValueTile.add(out, sumStride, firstKept + lane * 4L, part, TILE, vectors);
                }
                meanwhile.after((long) TILE * vectors * COUNT * keyCount);
            }
        }
    }

    /// {@return the next tile's vectors of an even number that is left}
    private static int vectors(int left) {
        return left == 2 || left == 4 ? 2 : VECTORS;
    }

    private static void weigh(
            long weight, int keyCount, long value, long groupStride, float[] part, int vectors) {
        if (!WIDE) {
            ValueTile.lanes4vectors2(weight, keyCount, value, groupStride, part);
        } else if (vectors == 2) {
            ValueTile.lanes8vectors2(weight, keyCount, value, groupStride, part);
        } else {
            ValueTile.lanes8vectors3(weight, keyCount, value, groupStride, part);
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
