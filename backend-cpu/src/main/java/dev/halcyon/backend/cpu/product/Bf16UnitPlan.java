package dev.halcyon.backend.cpu.product;

import dev.halcyon.backend.cpu.loops.MatrixLoops;
import dev.halcyon.backend.cpu.nativecode.Bf16Calls;
import dev.halcyon.backend.cpu.nativecode.NativeLevel;
import dev.halcyon.backend.cpu.parallel.WorkerPool;
import dev.halcyon.hal.memory.DType;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.util.stream.Stream;

/// Units of BF16 rows for the native kernels.
///
/// Behind the packed rows each worker has an area: sums of a unit and a block of columns, then the
/// packed panels of a chunk of that block if the weight is row-major.
///
/// @param shape the product; its left side may be wider, and is then rounded
/// @param level which kernels
/// @param loops what rounds results
/// @param threads workers
/// @param unitRows most rows of a unit
/// @param taskPanels panels of a block
/// @param leftBytes bytes of packed rows
record Bf16UnitPlan(
        ProductShape shape,
        NativeLevel level,
        MatrixLoops loops,
        int threads,
        int unitRows,
        int taskPanels,
        long leftBytes)
        implements UnitPlan {
    /// Rows that fit the second-level cache at any depth there is; and a call takes 10 us.
    private static final int MOST_ROWS = 128;

    private static final int MOST_TASKS_A_ROW = 64;
    private static final int MOST_PANELS = 4;
    private static final long LEFT_BYTES = 32L << 20;
    private static final long ALIGNMENT = 64;

    /// Weights of codes want their rows in another order: [CodesUnitPlan].
    static boolean takes(ProductShape shape, NativeLevel level) {
        return shape.right().dtype() == DType.BF16 && Bf16Plan.takes(shape, level);
    }

    static Bf16UnitPlan of(
            ProductShape shape,
            WorkerPool pool,
            MatrixLoops loops,
            NativeLevel level,
            long workspaceLimit) {
        int panels = Math.ceilDiv(shape.columns(), Bf16Calls.PANEL_COLUMNS);
        int taskPanels = Math.clamp(Math.ceilDiv(panels, MOST_TASKS_A_ROW), 1, MOST_PANELS);
        int rows = Math.min(MOST_ROWS, shape.maxGroupRows());
        while (rows > 1
                && unitBytes(shape, rows) + pool.threads() * areaBytes(shape, rows, taskPanels)
                        > workspaceLimit) {
            rows = Math.ceilDiv(rows, 2);
        }
        long one = unitBytes(shape, rows);
        long all = one * (Math.ceilDiv(shape.maxRows(), rows) + (long) shape.groups());
        long areas = pool.threads() * areaBytes(shape, rows, taskPanels);
        long spare = (workspaceLimit - areas) / ALIGNMENT * ALIGNMENT;
        long left = Math.max(one, Math.min(Math.min(LEFT_BYTES, spare), all));
        return new Bf16UnitPlan(shape, level, loops, pool.threads(), rows, taskPanels, left);
    }

    private static long unitBytes(ProductShape shape, int rows) {
        return Bf16Plan.packedBytes(rows, shape.maxDepth());
    }

    private static long areaBytes(ProductShape shape, int rows, int panels) {
        long packs = shape.right().isRowMajor() ? Bf16Plan.PANEL_CHUNK_BYTES : 0;
        return panels * (rows * Bf16Plan.SUM_BYTES + packs);
    }

    /// {@return bytes of a worker's area}
    long areaBytes() {
        return areaBytes(shape, unitRows, taskPanels);
    }

    /// {@return every label that plans of a level can have}
    static Stream<String> labels(NativeLevel level) {
        return level.isPresent()
                ? Stream.of(ProductForm.PANEL, ProductForm.PACKING).map(form -> label(form, level))
                : Stream.empty();
    }

    private static String label(ProductForm form, NativeLevel level) {
        return form.label() + "." + level.label();
    }

    @Override
    public String label() {
        ProductForm form = shape.right().isRowMajor() ? ProductForm.PACKING : ProductForm.PANEL;
        return label(form, level);
    }

    @Override
    public boolean invariant() {
        return true;
    }

    @Override
    public int taskColumns() {
        return taskPanels * Bf16Calls.PANEL_COLUMNS;
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
        return new Bf16UnitProduct(this, loops, left, rowTable, right, workspace);
    }
}
