package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.backend.cpu.CpuContext;
import dev.halcyon.backend.cpu.memory.NativeMemory;
import dev.halcyon.hal.kernel.attention.MlaDecode;
import dev.halcyon.hal.memory.DType;

import java.lang.foreign.MemorySegment;

/// Decode by the native kernels, which read cache rows where they are, one run of a page's rows
/// after the other.
final class NativeDecode implements DecodeForm {
    /// Lanes that share what a call makes of the keys: the heads of the largest models.
    private static final int MAX_LANES = 128;

    private final NativeAttention attention;
    private final DecodeLayout layout;
    private final DecodeOperands operands;
    private final MemorySegment memory;

    private NativeDecode(Geometry geometry, DecodeOperands operands, MemorySegment memory) {
        this.attention = geometry.attention;
        this.layout = geometry.layout;
        this.operands = operands;
        this.memory = memory;
    }

    static boolean takes(MlaDecode spec, CpuContext context) {
        return NativeAttention.takes(
                context.nativeLevel(),
                spec.query(),
                spec.cache().dtype(),
                spec.out(),
                spec.cache().rowDim(),
                spec.latentDim());
    }

    /// What is known before the operands are.
    record Geometry(NativeAttention attention, DecodeLayout layout) {
        static Geometry of(MlaDecode spec, CpuContext context) {
            NativeAttention attention =
                    new NativeAttention(
                            context.nativeLevel(),
                            DecodeLayout.blockLanes(DecodeLayout.lanes(spec), MAX_LANES),
                            spec.cache().rowDim(),
                            0,
                            spec.latentDim(),
                            spec.softmaxScale(),
                            DecodeLayout.MAX_PARTS);
            return new Geometry(
                    attention,
                    DecodeLayout.of(
                            spec,
                            context.pool().threads(),
                            MAX_LANES,
                            attention.areaBytes(),
                            attention.sums().bytes()));
        }

        DecodeForm over(DecodeOperands operands, MemorySegment memory) {
            return new NativeDecode(this, operands, memory);
        }
    }

    @Override
    public LaneSums sums() {
        return attention.sums();
    }

    @Override
    public void pack(long sequence, int firstLane, int count, int worker) {
        long area = layout.area(worker);
        Rows query = operands.query;
        for (int lane = 0; lane < count; lane++) {
            int pair = firstLane + lane;
            long at =
                    query.at(
                            operands.row(sequence, pair),
                            pair % operands.heads * operands.queryHead);
            attention.setQuery(memory, area, lane, address(query, at, operands.rowDim));
        }
        attention.packQueries(memory, area, count);
    }

    private static long address(Rows rows, long at, long values) {
        return NativeMemory.address(rows.memory(), at, DType.BF16.bytes(values));
    }

    @Override
    public void accumulate(
            long sequence,
            int firstLane,
            int count,
            int length,
            long from,
            long end,
            int worker,
            long result) {
        long area = layout.area(worker);
        attention.begin(memory, area, result);
        boolean reports = firstLane == 0;
        int list = 0;
        int runs = listRuns(sequence, from, end, area, list, reports);
        for (long row = from; row < end; row += NativeAttention.BLOCK_KEYS) {
            int keys = (int) Math.min(NativeAttention.BLOCK_KEYS, end - row);
            int nextRuns = listRuns(sequence, row + keys, end, area, 1 - list, reports);
            boolean hides = row + keys > operands.visible(0, length);
            if (hides) {
                hide(firstLane, count, length, row, keys, area);
            }
            attention.attend(memory, area, keys, row == from, list, runs, nextRuns, hides);
            list = 1 - list;
            runs = nextRuns;
        }
    }

    /// Lists the runs of the block that begins at a row.
    private int listRuns(
            long sequence, long firstRow, long end, long area, int list, boolean reports) {
        long stop = Math.min(end, firstRow + NativeAttention.BLOCK_KEYS);
        Rows cache = operands.cache;
        int runs = 0;
        long next;
        for (long row = firstRow; row < stop; row = next) {
            next = Math.min(stop, row + operands.rowsPerPage - row % operands.rowsPerPage);
            int keys = (int) (next - row);
            long slot = operands.slot(sequence, row);
            long address = 0;
            if (slot >= 0) {
                address = address(cache, cache.at(slot, 0), (long) keys * operands.rowDim);
            } else if (reports) {
                operands.reportPage(sequence, row);
            }
            attention.setRun(
                    memory,
                    area,
                    list,
                    runs++,
                    keys,
                    address,
                    cache.rowBytes(),
                    0,
                    0,
                    address,
                    cache.rowBytes());
        }
        return runs;
    }

    private void hide(int firstLane, int count, int length, long row, int keys, long area) {
        for (int lane = 0; lane < count; lane++) {
            long visible = operands.visible(firstLane + lane, length) - row;
            attention.setVisible(memory, area, lane, Math.clamp(visible, 0, keys));
        }
        for (int lane = count; lane < sums().lanes(); lane++) {
            attention.setVisible(memory, area, lane, 0);
        }
    }

    @Override
    public float max(int worker, long result, int lane) {
        return attention.max(memory, layout.area(worker), lane);
    }

    @Override
    public void write(
            long row, int head, int lane, long partial, int parts, float[] factors, int worker) {
        long at = operands.out.at(row, head * operands.outHead);
        attention.merge(
                memory,
                layout.area(worker),
                partial,
                parts,
                lane,
                factors,
                address(operands.out, at, operands.latentDim));
    }
}
