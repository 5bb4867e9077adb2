package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.backend.cpu.CpuContext;
import dev.halcyon.backend.cpu.loops.AttentionLoops;
import dev.halcyon.backend.cpu.loops.GroupedRows;
import dev.halcyon.backend.cpu.loops.Meanwhile;
import dev.halcyon.backend.cpu.loops.RowLoops;
import dev.halcyon.hal.memory.DType;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// Attention of a set of lanes over any number of keys, a block of keys at a time: what decode and
/// prefill share.
///
/// A worker has an *area* of scratch memory (queries, one block of keys and values, their scores)
/// and accumulates into a *partial result* as [LaneSums] lays it out, relative to each lane's
/// largest logit. Partial results over disjoint keys are merged by [#fold], or all at once by
/// [LaneSums#weigh] and [#merge].
///
/// Rounding errors of a long sum of like terms grow with its length, so a caller keeps sums short:
/// a block, a run of [#runBlocks] blocks, a part.
///
/// Source: FlashAttention (online softmax).
final class OnlineSoftmax {
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
    private static final double LN2 = Math.log(2);
    private static final int MIN_RUN_BLOCKS = 16;

    private final AttentionLoops loops;
    private final RowLoops rows;
    private final int panelLanes;
    private final int lanes;
    private final int keyDim;
    private final int columns;
    private final float scale;
    private final GroupedRows keyRows;
    private final GroupedRows valueRows;
    private final boolean sharedValues;
    private final long keys;
    private final long halfBytes;
    private final long values;
    private final long scores;
    private final long correction;
    private final long part;
    private final long areaBytes;
    private final LaneSums sums;

    /// Lays out the memory.
    ///
    /// @param maxLanes most lanes at a time
    /// @param sharedValues whether the first `valueDim` values of a key are its value
    OnlineSoftmax(
            CpuContext context,
            int maxLanes,
            int keyDim,
            int valueDim,
            boolean sharedValues,
            double softmaxScale) {
        this.sharedValues = sharedValues;
        this.loops = context.attention();
        this.rows = context.rows();
        this.panelLanes = loops.panelLanes();
        this.lanes = panels(maxLanes) * panelLanes;
        this.keyDim = keyDim;
        this.columns = Math.ceilDiv(valueDim, loops.columnMultiple()) * loops.columnMultiple();
        this.scale = baseTwoScale(softmaxScale);
        this.keyRows = loops.layout(sharedValues ? Math.max(keyDim, columns) : keyDim);
        this.valueRows = sharedValues ? keyRows : loops.layout(columns);
        this.keys = LaneSums.aligned(4L * lanes * keyDim);
        this.halfBytes = keyRows.bytes(AttentionLoops.BLOCK_KEYS);
        long endOfKeys = keys + (sharedValues ? 2 : 1) * halfBytes;
        this.values = sharedValues ? keys : endOfKeys;
        this.scores =
                sharedValues ? endOfKeys : endOfKeys + valueRows.bytes(AttentionLoops.BLOCK_KEYS);
        this.correction = scores + 4L * AttentionLoops.BLOCK_KEYS * lanes;
        this.part = correction + LaneSums.aligned(4L * lanes);
        this.areaBytes = part + 2 * LaneSums.aligned(4L * AttentionLoops.BLOCK_KEYS * panelLanes);
        this.sums = LaneSums.of(lanes, columns);
    }

    /// {@return softmax scale times log2 e, as the loops take it}
    static float baseTwoScale(double softmaxScale) {
        return (float) (softmaxScale / LN2);
    }

    /// {@return the size of a worker's area}
    long areaBytes() {
        return areaBytes;
    }

    /// {@return the layout of a partial result}
    LaneSums sums() {
        return sums;
    }

    /// {@return lanes that the memory has room for}
    int lanes() {
        return lanes;
    }

    /// {@return the panels that some lanes fill}
    int panels(int laneCount) {
        return Math.ceilDiv(laneCount, panelLanes);
    }

    /// {@return the first panel that has lanes at or beyond `lane`}
    int panelOf(int lane) {
        return lane / panelLanes;
    }

    /// {@return lanes a panel}
    int panelLanes() {
        return panelLanes;
    }

    /// {@return how many blocks to sum up before folding, for `blocks` in all: about the square
    /// root}
    static int runBlocks(long blocks) {
        return Math.max(MIN_RUN_BLOCKS, (int) Math.ceil(Math.sqrt((double) blocks)));
    }

    /// {@return the products of a block for some panels}
    long products(int keyCount, int panelCount) {
        return (long) keyCount * panelCount * panelLanes * (keyDim + columns);
    }

    private long keysOf(long area, int half) {
        return area + keys + half * halfBytes;
    }

    /// Widens elements of a row into row `key` of a block of keys, from `column` on.
    ///
    /// @param half 0, or 1 for the second block that there is room for where keys hold the values
    void loadKey(
            Rows from,
            long row,
            long at,
            int n,
            MemorySegment memory,
            long area,
            int half,
            int key,
            int column) {
        widen(from, row, at, n, memory, keyRows, keysOf(area, half) + keyRows.row(key), column);
    }

    /// Widens elements of a row into row `key` of the block of values.
    void loadValue(Rows from, long row, long at, int n, MemorySegment memory, long area, int key) {
        widen(from, row, at, n, memory, valueRows, area + values + valueRows.row(key), 0);
    }

    private void widen(
            Rows from,
            long row,
            long at,
            int n,
            MemorySegment memory,
            GroupedRows layout,
            long to,
            int column) {
        if (from.dtype() == DType.BF16) {
            loops.widenBf16(from.memory(), from.at(row, at), memory, layout, to, column, n);
            return;
        }
        float[] wide = Scratch.get().a;
        for (int done = 0; done < n; done += Scratch.LENGTH) {
            int length = Math.min(Scratch.LENGTH, n - done);
            from.load(rows, row, at + done, wide, 0, length);
            place(wide, length, memory, layout, to, column + done);
        }
    }

    private static void place(
            float[] values, int n, MemorySegment memory, GroupedRows layout, long to, int column) {
        int length;
        for (int done = 0; done < n; done += length) {
            int chunk = layout.chunk();
            length = Math.min(n - done, chunk - (column + done) % chunk);
            MemorySegment.copy(
                    values, done, memory, FLOAT, to + layout.column(column + done), length);
        }
    }

    /// Fills row `key` of a block of keys with zeros.
    void clearKey(MemorySegment memory, long area, int half, int key) {
        long row = keysOf(area, half) + keyRows.row(key);
        for (int k = 0; k < keyDim; k++) {
            memory.set(FLOAT, row + keyRows.column(k), 0f);
        }
    }

    /// Makes queries of the first `count` rows of the block of keys, for the lanes from
    /// `firstLane`.
    void packQueries(MemorySegment memory, long area, int firstLane, int count) {
        for (int i = 0; i < count; i++) {
            int lane = firstLane + i;
            long row = area + keys + keyRows.row(i);
            long query = area + 4L * (lane - lane % panelLanes) * keyDim + 4L * (lane % panelLanes);
            long step = 4L * panelLanes;
            for (int k = 0; k < keyDim; k++) {
                memory.set(FLOAT, query + k * step, memory.get(FLOAT, row + keyRows.column(k)));
            }
        }
    }

    /// Gives the lanes from `laneCount` to the end of their panel queries of zeros, for numbers
    /// that cost no time.
    void packNothing(MemorySegment memory, long area, int laneCount) {
        for (int lane = laneCount; lane % panelLanes != 0; lane++) {
            long query = area + 4L * (lane - lane % panelLanes) * keyDim + 4L * (lane % panelLanes);
            long step = 4L * panelLanes;
            for (int k = 0; k < keyDim; k++) {
                memory.set(FLOAT, query + k * step, 0f);
            }
        }
    }

    /// Computes the scores of the block's first `keyCount` keys for the panels from `first` to
    /// `end`.
    void score(
            MemorySegment memory,
            long area,
            int half,
            int keyCount,
            int first,
            int end,
            Meanwhile meanwhile) {
        loops.scores(
                memory,
                keysOf(area, half),
                keyRows,
                keyCount,
                keyDim,
                area + 4L * first * panelLanes * keyDim,
                scoresOf(area, first),
                area + part,
                end - first,
                meanwhile);
    }

    /// Takes the scores of a lane for keys `from` to `keyCount` out of the softmax.
    void hide(MemorySegment memory, long area, int lane, int from, int keyCount) {
        long at = scoresOf(area, lane / panelLanes) + lane % panelLanes * 4L;
        for (int key = from; key < keyCount; key++) {
            memory.set(FLOAT, at + 4L * key * panelLanes, Float.NEGATIVE_INFINITY);
        }
    }

    /// Adds the block to a partial result; `fresh` if it is the first one there since
    /// [LaneSums#clear].
    void absorb(
            MemorySegment memory,
            long area,
            int half,
            long partial,
            int keyCount,
            boolean fresh,
            int first,
            int end,
            Meanwhile meanwhile) {
        long at = 4L * first * panelLanes;
        loops.softmax(
                memory,
                scoresOf(area, first),
                keyCount,
                scale,
                partial + at,
                partial + sums.totals() + at,
                area + correction + at,
                end - first);
        loops.values(
                memory,
                scoresOf(area, first),
                keyCount,
                sharedValues ? keysOf(area, half) : area + values,
                valueRows,
                columns,
                area + correction + at,
                partial + sums.row(first * panelLanes),
                sums.stride(),
                Scratch.get().d,
                fresh,
                end - first,
                meanwhile);
    }

    private long scoresOf(long area, int panel) {
        return area + scores + 4L * panel * panelLanes * AttentionLoops.BLOCK_KEYS;
    }

    /// Adds a partial result to another.
    void fold(MemorySegment memory, long from, long into) {
        for (int lane = 0; lane < lanes; lane++) {
            float added = memory.get(FLOAT, from + lane * 4L);
            if (added == Float.NEGATIVE_INFINITY) {
                continue;
            }
            float before = memory.get(FLOAT, into + lane * 4L);
            long fromSum = from + (lanes + lane) * 4L;
            long intoSum = into + (lanes + lane) * 4L;
            long fromRow = from + sums.row(lane);
            long intoRow = into + sums.row(lane);
            if (before == Float.NEGATIVE_INFINITY) {
                memory.set(FLOAT, into + lane * 4L, added);
                memory.set(FLOAT, intoSum, memory.get(FLOAT, fromSum));
                MemorySegment.copy(memory, fromRow, memory, intoRow, 4L * columns);
            } else {
                float after = Math.max(added, before);
                float a = (float) Math.exp(((double) before - after) * LN2);
                float b = (float) Math.exp(((double) added - after) * LN2);
                memory.set(FLOAT, into + lane * 4L, after);
                memory.set(
                        FLOAT,
                        intoSum,
                        a * memory.get(FLOAT, intoSum) + b * memory.get(FLOAT, fromSum));
                loops.blend(memory, a, intoRow, b, fromRow, columns);
            }
        }
    }

    /// {@return a base-2 logit as a natural one}
    static float natural(float logit) {
        return (float) (logit * LN2);
    }

    /// Merges columns of the partial results of a lane in ascending order.
    ///
    /// @param factors from [LaneSums#weigh]
    /// @param row receives them
    void merge(
            MemorySegment memory,
            long partial,
            int parts,
            int lane,
            float[] factors,
            int column,
            int n,
            float[] row) {
        for (int d = 0; d < n; d++) {
            row[d] = 0;
        }
        for (int p = 0; p < parts; p++) {
            if (factors[p] != 0) {
                long at = partial + p * sums.bytes() + sums.row(lane) + column * 4L;
                loops.addScaled(memory, factors[p], at, row, n);
            }
        }
    }
}
