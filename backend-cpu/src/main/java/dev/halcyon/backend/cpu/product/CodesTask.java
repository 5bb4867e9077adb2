package dev.halcyon.backend.cpu.product;

import dev.halcyon.backend.cpu.memory.NativeMemory;
import dev.halcyon.backend.cpu.nativecode.Bf16Calls;
import dev.halcyon.backend.cpu.nativecode.CodesCalls;
import dev.halcyon.backend.cpu.nativecode.NativeLevel;

/// Tasks of a product of BF16 rows with a [CodedWeight].
final class CodesTask implements NativeTask {
    private final ProductShape shape;
    private final Matrices left;
    private final CodedWeight right;
    private final NativeStore store;
    private final boolean onTiles;
    private final int taskPanels;
    private final long areas;
    private final long areaBytes;
    private final long turnedAt;

    CodesTask(
            Bf16Plan plan,
            Matrices left,
            Weights right,
            Matrices addend,
            Matrices out,
            long areas) {
        this.shape = plan.shape();
        this.left = left;
        this.onTiles = plan.level().includes(NativeLevel.AMX);
        this.right = new CodedWeight(shape, right, onTiles);
        this.store = new NativeStore(shape, addend, out);
        this.taskPanels = plan.taskPanels();
        this.areas = areas;
        this.areaBytes = plan.areaBytes();
        this.turnedAt = plan.panelsAt();
    }

    @Override
    public void pack(
            int group,
            int unitRow,
            int unitRows,
            int depth,
            int firstRow,
            int endRow,
            int firstChunk,
            int endChunk,
            long to) {
        long bytes = NativeMemory.extent(unitRows, left.rowBytes(), depth * (long) Short.BYTES);
        int steps = Math.ceilDiv(depth, Bf16Calls.STEP_DEPTH);
        int chunkSteps = Bf16Calls.CHUNK_DEPTH / Bf16Calls.STEP_DEPTH;
        CodesCalls.pack(
                onTiles,
                NativeMemory.address(left.segment(group), left.at(group, unitRow, 0), bytes),
                left.rowBytes(),
                depth,
                firstRow,
                endRow,
                (long) firstChunk * chunkSteps,
                Math.min((long) endChunk * chunkSteps, steps),
                to);
    }

    @Override
    public void compute(
            int group, int unitRow, int rows, int depth, long packed, int panel, int worker) {
        int end = Math.min((panel + taskPanels) * CodedWeight.ROWS, shape.columns());
        long sums = areas + worker * areaBytes;
        for (int row = panel * CodedWeight.ROWS; row < end; row += CodedWeight.ROWS) {
            int count = Math.min(CodedWeight.ROWS, end - row);
            right.multiply(group, depth, row, count, packed, rows, sums + turnedAt, sums);
            store.store(group, unitRow, rows, row, count, sums, Bf16Plan.SUM_BYTES);
        }
    }
}
