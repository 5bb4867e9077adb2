package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.backend.cpu.nativecode.AttentionCalls;
import dev.halcyon.backend.cpu.nativecode.NativeLevel;
import dev.halcyon.hal.memory.DType;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// Fused attention of BF16 lanes over BF16 keys by the native kernels: what decode and prefill
/// share.
///
/// Scores and sums are F32; weights are rounded to BF16 before values are multiplied by them, so
/// only a BF16 result is as close as its own rounding. A worker has an *area*: the `struct
/// mla_block` of `native/cpu/mla.h`, two lists of runs of keys (this block's and the next one's,
/// which is fetched meanwhile), the lanes' queries, and the native scratch memory.
final class NativeAttention {
    /// Keys a call.
    static final int BLOCK_KEYS = 256;

    /// Most values of a key or a value; scratch memory grows with them.
    private static final int MAX_DIM = 4096;

    private static final int GROUP_LANES = 16;
    private static final int CHUNK = 32;
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG;
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT;
    private static final long BLOCK_BYTES = 192;
    private static final long RUN_BYTES = 56;
    private static final long LIST_BYTES = LaneSums.aligned(BLOCK_KEYS * RUN_BYTES);

    private final NativeLevel level;
    private final int keyDim;
    private final int ropeDim;
    private final int valueDim;
    private final double scale;
    private final LaneSums sums;
    private final int maxParts;
    private final long queryRows;
    private final long visible;
    private final long maxima;
    private final long factors;
    private final long queries;
    private final long scratch;
    private final long areaBytes;

    /// Lays out the memory.
    ///
    /// @param ropeDim values of a second part of each key, 0 if keys have one part
    /// @param maxParts most partial results that are merged
    NativeAttention(
            NativeLevel level,
            int maxLanes,
            int keyDim,
            int ropeDim,
            int valueDim,
            double softmaxScale,
            int maxParts) {
        this.level = level;
        this.keyDim = keyDim;
        this.ropeDim = ropeDim;
        this.valueDim = valueDim;
        this.scale = OnlineSoftmax.baseTwoScale(softmaxScale);
        this.maxParts = maxParts;
        int lanes = Math.ceilDiv(maxLanes, GROUP_LANES) * GROUP_LANES;
        this.sums = LaneSums.of(lanes, padded(valueDim));
        this.queryRows = BLOCK_BYTES + 2 * LIST_BYTES;
        this.visible = queryRows + 8L * lanes;
        this.maxima = visible + 4L * lanes;
        this.factors = maxima + 4L * lanes;
        this.queries = factors + LaneSums.aligned(4L * maxParts);
        this.scratch = queries + 2L * lanes * (padded(keyDim) + padded(ropeDim));
        this.areaBytes =
                scratch + LaneSums.aligned(AttentionCalls.scratchBytes(keyDim, ropeDim, valueDim));
    }

    /// {@return whether the native kernels of a level do attention of these types and sizes}
    static boolean takes(
            NativeLevel level, DType query, DType keys, DType out, int keyDim, int valueDim) {
        return level.isPresent()
                && query == DType.BF16
                && keys == DType.BF16
                && out == DType.BF16
                && Math.max(keyDim, valueDim) <= MAX_DIM;
    }

    private static int padded(int values) {
        return Math.ceilDiv(values, CHUNK) * CHUNK;
    }

    /// {@return the size of a worker's area}
    long areaBytes() {
        return areaBytes;
    }

    /// {@return the layout of partial results, whose columns have an order of their own}
    LaneSums sums() {
        return sums;
    }

    /// Sets where a lane's query is.
    void setQuery(MemorySegment memory, long area, int lane, long address) {
        memory.set(LONG, area + queryRows + 8L * lane, address);
    }

    /// Packs the queries of `count` lanes and prepares the block for them.
    void packQueries(MemorySegment memory, long area, int count) {
        int groups = Math.ceilDiv(count, GROUP_LANES);
        for (int lane = count; lane < groups * GROUP_LANES; lane++) {
            setQuery(memory, area, lane, 0);
        }
        long base = memory.address() + area;
        AttentionCalls.packQueries(base + queryRows, groups, keyDim, ropeDim, base + queries);
        memory.set(LONG, area, groups);
        memory.set(LONG, area + 16, keyDim);
        memory.set(LONG, area + 24, ropeDim);
        memory.set(LONG, area + 32, valueDim);
        memory.set(LONG, area + 88, base + queries);
        memory.set(LONG, area + 96, base + scratch);
        memory.set(ValueLayout.JAVA_DOUBLE, area + 144, scale);
    }

    /// Begins an empty partial result.
    void begin(MemorySegment memory, long area, long partial) {
        sums.clear(memory, partial);
        for (int lane = 0; lane < sums.lanes(); lane++) {
            memory.set(FLOAT, area + maxima + 4L * lane, Float.NEGATIVE_INFINITY);
        }
        long at = memory.address() + partial;
        memory.set(LONG, area + 104, at);
        memory.set(LONG, area + 112, at + sums.totals());
        memory.set(LONG, area + 120, memory.address() + area + maxima);
        memory.set(LONG, area + 128, at + sums.row(0));
        memory.set(LONG, area + 136, sums.stride());
    }

    /// Puts a run of keys into a list, 0 or 1; `key` is 0 for keys that are not there.
    void setRun(
            MemorySegment memory,
            long area,
            int list,
            int index,
            int keys,
            long key,
            long keyStride,
            long rope,
            long ropeStride,
            long value,
            long valueStride) {
        long at = area + BLOCK_BYTES + list * LIST_BYTES + index * RUN_BYTES;
        memory.set(LONG, at, keys);
        memory.set(LONG, at + 8, key);
        memory.set(LONG, at + 16, keyStride);
        memory.set(LONG, at + 24, rope);
        memory.set(LONG, at + 32, ropeStride);
        memory.set(LONG, at + 40, value);
        memory.set(LONG, at + 48, valueStride);
    }

    /// Sets how many keys of the coming block a lane sees; counts if [#attend] is told so.
    void setVisible(MemorySegment memory, long area, int lane, int keys) {
        memory.set(INT, area + visible + 4L * lane, keys);
    }

    /// Lets the packed lanes see a block of keys.
    ///
    /// @param fresh whether it is the first one since [#begin]
    /// @param list the list of runs that covers the keys; the other one covers the next block's
    /// @param nextRuns runs of the next block, 0 for none
    /// @param hides whether lanes see as much as [#setVisible] says
    void attend(
            MemorySegment memory,
            long area,
            int keys,
            boolean fresh,
            int list,
            int runs,
            int nextRuns,
            boolean hides) {
        long base = memory.address() + area;
        memory.set(LONG, area + 8, keys);
        memory.set(LONG, area + 40, fresh ? 1 : 0);
        memory.set(LONG, area + 48, runs);
        memory.set(LONG, area + 56, base + BLOCK_BYTES + list * LIST_BYTES);
        memory.set(LONG, area + 64, nextRuns);
        memory.set(LONG, area + 72, base + BLOCK_BYTES + (1 - list) * LIST_BYTES);
        memory.set(LONG, area + 80, hides ? base + visible : 0);
        AttentionCalls.attend(level, base);
    }

    /// {@return the largest base-2 logit that a lane saw since [#begin]}
    float max(MemorySegment memory, long area, int lane) {
        return memory.get(FLOAT, area + maxima + 4L * lane);
    }

    /// Merges a lane's partial results into a BF16 row.
    ///
    /// @param partial the first of `parts`, which lie one behind the other
    /// @param weights from [LaneSums#weigh]
    /// @param out address of the row
    void merge(
            MemorySegment memory,
            long area,
            long partial,
            int parts,
            int lane,
            float[] weights,
            long out) {
        if (parts > maxParts) {
            throw new IllegalArgumentException(parts + " partial results, at most " + maxParts);
        }
        MemorySegment.copy(weights, 0, memory, FLOAT, area + factors, parts);
        long base = memory.address();
        AttentionCalls.merge(
                base + partial + sums.row(lane),
                parts,
                sums.bytes(),
                base + area + factors,
                valueDim,
                out);
    }
}
