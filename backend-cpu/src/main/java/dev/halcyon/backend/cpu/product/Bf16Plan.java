package dev.halcyon.backend.cpu.product;

import dev.halcyon.backend.cpu.nativecode.Bf16Calls;
import dev.halcyon.backend.cpu.nativecode.NativeLevel;
import dev.halcyon.backend.cpu.parallel.WorkerPool;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.WeightFormat;

import java.lang.foreign.MemorySegment;
import java.util.stream.Stream;

/// A product of BF16 rows with a BF16 or a block-scaled weight, on native kernels.
///
/// The workspace begins with the packed left-hand rows of as many units (runs of rows of one group)
/// as are computed in one go; an area for each worker follows: sums of a unit and a block of
/// columns, then the packed panels of a chunk of that block, or sums that are still turned. A chunk
/// of a unit and its sums fit the second-level cache, a chunk of a panel the first one.
///
/// A row's sums are added in an order that depends on its depth alone, so block sizes may depend on
/// anything.
public final class Bf16Plan implements PlannedProduct {
    /// Bytes of a panel in one chunk.
    static final long PANEL_CHUNK_BYTES =
            (long) Bf16Calls.CHUNK_DEPTH * Bf16Calls.PANEL_COLUMNS * Short.BYTES;

    /// Bytes of a row in one step.
    static final long STEP_BYTES = (long) Bf16Calls.STEP_DEPTH * Short.BYTES;

    /// Bytes of a row of sums over one panel.
    static final long SUM_BYTES = (long) Bf16Calls.PANEL_COLUMNS * Float.BYTES;

    /// Rows from which the left-hand side costs more than the panels to read.
    private static final int MANY_ROWS = 128;

    private static final String STORED = ProductForm.PANEL.label();
    private static final String PACKING = ProductForm.PACKING.label();
    private static final String CODES = "codes";
    private static final int MOST_PANELS = 8;
    private static final long LEFT_BYTES = 32L << 20;
    private static final long ALIGNMENT = 64;

    private final ProductShape shape;
    private final WorkerPool pool;
    private final NativeLevel level;
    private final int unitRows;
    private final int taskPanels;
    private final long leftBytes;

    Bf16Plan(ProductShape shape, WorkerPool pool, NativeLevel level, long limit) {
        this.shape = shape;
        this.pool = pool;
        this.level = level;
        int panels = Math.ceilDiv(shape.columns(), Bf16Calls.PANEL_COLUMNS);
        int most = mostUnitRows();
        int cuts = Math.ceilDiv(shape.maxGroupRows(), most);
        int rows = Math.min(most, roundUp(Math.ceilDiv(shape.maxGroupRows(), cuts)));
        int units = Math.max(1, Math.ceilDiv(shape.maxRows(), rows));
        int tasksAThread = rows >= MANY_ROWS ? 4 : 16;
        long tasks = (long) tasksAThread * pool.threads();
        int wide = (int) Math.clamp((long) panels * units / tasks, 1, MOST_PANELS);
        while (wide > 1 && bytes(rows, wide) > limit) {
            wide = wide / 2;
        }
        while (rows > 1 && bytes(rows, wide) > limit) {
            rows = Math.ceilDiv(rows, 2);
        }
        this.unitRows = rows;
        this.taskPanels = wide;
        long oneUnit = unitBytes(rows);
        long all = oneUnit * (Math.ceilDiv(shape.maxRows(), rows) + (long) shape.groups());
        long spare = (limit - areaBytes() * pool.threads()) / ALIGNMENT * ALIGNMENT;
        this.leftBytes = Math.max(oneUnit, Math.min(Math.min(LEFT_BYTES, spare), all));
    }

    /// {@return whether the kernels of a level compute products of this shape}
    static boolean takes(ProductShape shape, NativeLevel level) {
        return level.isPresent()
                && shape.left() == DType.BF16
                && (isBf16(shape.right()) || CodedWeight.takes(shape))
                && switch (shape.out()) {
                    case F32, BF16, F16 -> true;
                    default -> false;
                };
    }

    private static boolean isBf16(WeightFormat right) {
        return right.dtype() == DType.BF16
                && right.scheme().isEmpty()
                && (right.isRowMajor()
                        || right.layout().equals(PanelLayout.name(Bf16Calls.PANEL_COLUMNS)));
    }

    /// {@return every label that plans of a level can have}
    static Stream<String> labels(NativeLevel level) {
        return level.isPresent()
                ? Stream.of(STORED, PACKING, CODES).map(form -> form + "." + level.label())
                : Stream.empty();
    }

    /// {@return most rows of a unit over a [CodedWeight]: with more, a call would take too long}
    static int mostCodedRows(NativeLevel level) {
        return level.includes(NativeLevel.AMX) ? 128 : 32;
    }

    /// A call on vectors would take too long with more.
    private int mostUnitRows() {
        if (isOfCodes()) {
            return mostCodedRows(level);
        }
        return level.includes(NativeLevel.AMX) ? 512 : 192;
    }

    private static int roundUp(int rows) {
        int step = 2 * Bf16Calls.BLOCK_ROWS;
        return rows <= step ? rows : Math.ceilDiv(rows, step) * step;
    }

    private long bytes(int rows, int panels) {
        return unitBytes(rows) + areaBytes(rows, panels) * pool.threads();
    }

    private long unitBytes(int rows) {
        return packedBytes(rows, shape.maxDepth());
    }

    /// {@return bytes of packed rows}
    static long packedBytes(long rows, long depth) {
        return rows * Math.ceilDiv(depth, (long) Bf16Calls.STEP_DEPTH) * STEP_BYTES;
    }

    private long areaBytes(int rows, int panels) {
        if (isOfCodes()) {
            return rows * SUM_BYTES + CodedWeight.turnedBytes(rows);
        }
        return panels * (rows * SUM_BYTES + (isStoredInPanels() ? 0 : PANEL_CHUNK_BYTES));
    }

    /// {@return bytes of a worker's area}
    long areaBytes() {
        return areaBytes(unitRows, taskPanels);
    }

    /// {@return where in a worker's area the sums end}
    long panelsAt() {
        return unitRows * (isOfCodes() ? 1 : taskPanels) * SUM_BYTES;
    }

    /// {@return whether the right-hand side is stored in panels}
    boolean isStoredInPanels() {
        return !shape.right().isRowMajor();
    }

    /// {@return whether the right-hand side holds codes of 8 or 4 bits}
    boolean isOfCodes() {
        return shape.right().dtype() != DType.BF16;
    }

    /// {@return whether rows of a unit of this size are read again for every panel at less cost
    /// than its panels}
    static boolean panelsFirst(int rows) {
        return rows < MANY_ROWS;
    }

    @Override
    public String label() {
        String form = isOfCodes() ? CODES : isStoredInPanels() ? STORED : PACKING;
        return form + "." + level.label();
    }

    @Override
    public boolean invariant() {
        return true;
    }

    @Override
    public long workspaceBytes() {
        return leftBytes + areaBytes() * pool.threads();
    }

    @Override
    public Bf16Product bind(
            Matrices left, Weights right, Matrices addend, Matrices out, MemorySegment workspace) {
        return new Bf16Product(this, left, right, addend, out, workspace);
    }

    ProductShape shape() {
        return shape;
    }

    WorkerPool pool() {
        return pool;
    }

    NativeLevel level() {
        return level;
    }

    int unitRows() {
        return unitRows;
    }

    int taskPanels() {
        return taskPanels;
    }

    long leftBytes() {
        return leftBytes;
    }
}
