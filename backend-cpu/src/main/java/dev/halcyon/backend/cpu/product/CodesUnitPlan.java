package dev.halcyon.backend.cpu.product;

import dev.halcyon.backend.cpu.loops.MatrixLoops;
import dev.halcyon.backend.cpu.nativecode.NativeLevel;
import dev.halcyon.backend.cpu.parallel.WorkerPool;
import dev.halcyon.hal.memory.DType;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.util.stream.Stream;

/// Units of BF16 rows for the native kernels over a [CodedWeight].
///
/// Behind the packed rows each worker has an area: sums of a unit over as many rows of the weight
/// as a call takes, then the same sums while they are still turned.
///
/// @param shape the product; its left side may be wider, and is then rounded
/// @param level which kernels
/// @param loops what rounds results
/// @param threads workers
/// @param unitRows most rows of a unit
/// @param leftBytes bytes of packed rows
record CodesUnitPlan(
        ProductShape shape,
        NativeLevel level,
        MatrixLoops loops,
        int threads,
        int unitRows,
        long leftBytes)
        implements UnitPlan {
    private static final long LEFT_BYTES = 32L << 20;
    private static final long ALIGNMENT = 64;

    static boolean takes(ProductShape shape, NativeLevel level) {
        return shape.right().dtype() != DType.BF16 && Bf16Plan.takes(shape, level);
    }

    static CodesUnitPlan of(
            ProductShape shape,
            WorkerPool pool,
            MatrixLoops loops,
            NativeLevel level,
            long workspaceLimit) {
        int rows = Math.min(Bf16Plan.mostCodedRows(level), shape.maxGroupRows());
        while (rows > 1
                && unitBytes(shape, rows) + pool.threads() * areaBytes(rows) > workspaceLimit) {
            rows = Math.ceilDiv(rows, 2);
        }
        long one = unitBytes(shape, rows);
        long all = one * (Math.ceilDiv(shape.maxRows(), rows) + (long) shape.groups());
        long areas = pool.threads() * areaBytes(rows);
        long spare = (workspaceLimit - areas) / ALIGNMENT * ALIGNMENT;
        long left = Math.max(one, Math.min(Math.min(LEFT_BYTES, spare), all));
        return new CodesUnitPlan(shape, level, loops, pool.threads(), rows, left);
    }

    private static long unitBytes(ProductShape shape, int rows) {
        return Bf16Plan.packedBytes(rows, shape.maxDepth());
    }

    private static long areaBytes(int rows) {
        return rows * Bf16Plan.SUM_BYTES + CodedWeight.turnedBytes(rows);
    }

    /// {@return bytes of a worker's area}
    long areaBytes() {
        return areaBytes(unitRows);
    }

    /// {@return every label that plans of a level can have}
    static Stream<String> labels(NativeLevel level) {
        return level.isPresent() ? Stream.of(label(level)) : Stream.empty();
    }

    private static String label(NativeLevel level) {
        return "codes." + level.label();
    }

    @Override
    public String label() {
        return label(level);
    }

    @Override
    public boolean invariant() {
        return true;
    }

    @Override
    public int taskColumns() {
        return CodedWeight.ROWS;
    }

    @Override
    public int mostResults() {
        return unitRows * taskColumns();
    }

    @Override
    public int mostPartials() {
        return 0;
    }

    @Override
    public long workspaceBytes() {
        return leftBytes + threads * areaBytes();
    }

    @Override
    public UnitProduct bind(
            @Nullable Matrices left,
            @Nullable MemorySegment rowTable,
            Weights right,
            MemorySegment workspace) {
        return new CodesUnitProduct(this, loops, left, rowTable, right, workspace);
    }
}
