package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.backend.cpu.CpuContext;
import dev.halcyon.backend.cpu.memory.NativeMemory;
import dev.halcyon.hal.kernel.attention.MlaPrefill;
import dev.halcyon.hal.memory.DType;

import java.lang.foreign.MemorySegment;

/// Prefill by the native kernels.
///
/// A call copies keys that lie a multiple of the page size apart and interleaves values, for all
/// lanes of the tile; along the diagonal it leaves out what no lane of 32 sees.
final class NativePrefill implements PrefillForm {
    /// Queries a tile: with half as many, copying and interleaving would take a fifth of the time.
    static final int MAX_LANES = 256;

    private final NativeAttention attention;
    private final PrefillOperands operands;
    private final MemorySegment memory;

    NativePrefill(NativeAttention attention, PrefillOperands operands, MemorySegment memory) {
        this.attention = attention;
        this.operands = operands;
        this.memory = memory;
    }

    static boolean takes(MlaPrefill spec, CpuContext context) {
        return NativeAttention.takes(
                context.nativeLevel(),
                spec.in(),
                spec.in(),
                spec.out(),
                spec.nopeDim() + spec.ropeDim(),
                spec.valueDim());
    }

    /// {@return the geometry for tiles of so many queries}
    static NativeAttention geometry(MlaPrefill spec, CpuContext context, int lanes) {
        return new NativeAttention(
                context.nativeLevel(),
                lanes,
                spec.nopeDim(),
                spec.ropeDim(),
                spec.valueDim(),
                spec.softmaxScale(),
                1);
    }

    /// {@return bytes a worker has}
    static long areaStride(NativeAttention attention) {
        return attention.areaBytes() + attention.sums().bytes();
    }

    @Override
    public LaneSums sums() {
        return attention.sums();
    }

    private long area(int worker) {
        return worker * areaStride(attention);
    }

    @Override
    public long result(int worker) {
        return area(worker) + attention.areaBytes();
    }

    @Override
    public void pack(long firstRow, int head, int count, int worker) {
        int dim = operands.nopeDim + operands.ropeDim;
        for (int lane = 0; lane < count; lane++) {
            long at = operands.query.at(firstRow + lane, head * operands.queryHead);
            attention.setQuery(memory, area(worker), lane, address(operands.query, at, 1, dim));
        }
        attention.packQueries(memory, area(worker), count);
    }

    private static long address(Rows rows, long at, int count, long values) {
        return NativeMemory.address(
                rows.memory(),
                at,
                NativeMemory.extent(count, rows.rowBytes(), DType.BF16.bytes(values)));
    }

    @Override
    public void accumulate(
            long firstRow, int head, int count, int firstVisible, int keys, int worker) {
        long area = area(worker);
        attention.begin(memory, area, result(worker));
        boolean causal = operands.causal;
        int last = Math.min(keys, causal ? firstVisible + count - 1 : keys);
        int list = 0;
        int runs = listRun(firstRow, head, 0, last, area, list);
        for (int from = 0; from < last; from += NativeAttention.BLOCK_KEYS) {
            int n = Math.min(NativeAttention.BLOCK_KEYS, last - from);
            int nextRuns = listRun(firstRow, head, from + n, last, area, 1 - list);
            boolean hides = causal && firstVisible < from + n;
            if (hides) {
                for (int lane = 0; lane < sums().lanes(); lane++) {
                    int visible = lane < count ? Math.clamp(firstVisible + lane - from, 0, n) : 0;
                    attention.setVisible(memory, area, lane, visible);
                }
            }
            attention.attend(memory, area, n, from == 0, list, runs, nextRuns, hides);
            list = 1 - list;
            runs = nextRuns;
        }
    }

    /// {@return the number of runs, 0 or 1, of the block that begins at a key}
    private int listRun(long firstRow, int head, int from, int last, long area, int list) {
        int n = Math.min(NativeAttention.BLOCK_KEYS, last - from);
        if (n <= 0) {
            return 0;
        }
        Rows key = operands.key;
        Rows rope = operands.ropeKey;
        Rows value = operands.value;
        long row = firstRow + from;
        long keyAt = key.at(row, head * operands.keyHead);
        long valueAt = value.at(row, head * operands.valueHead);
        attention.setRun(
                memory,
                area,
                list,
                0,
                n,
                address(key, keyAt, n, operands.nopeDim),
                key.rowBytes(),
                operands.ropeDim == 0 ? 0 : address(rope, rope.at(row, 0), n, operands.ropeDim),
                operands.ropeDim == 0 ? 0 : rope.rowBytes(),
                address(value, valueAt, n, operands.valueDim),
                value.rowBytes());
        return 1;
    }

    @Override
    public float max(int worker, int lane) {
        return attention.max(memory, area(worker), lane);
    }

    @Override
    public void write(long row, int head, int lane, float[] factor, int worker) {
        long at = operands.out.at(row, head * operands.outHead);
        long to = address(operands.out, at, 1, operands.valueDim);
        attention.merge(memory, area(worker), result(worker), 1, lane, factor, to);
    }
}
