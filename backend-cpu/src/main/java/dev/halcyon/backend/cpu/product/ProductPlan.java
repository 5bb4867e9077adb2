package dev.halcyon.backend.cpu.product;

import dev.halcyon.backend.cpu.loops.MatrixLoops;
import dev.halcyon.backend.cpu.parallel.WorkerPool;
import dev.halcyon.hal.memory.WeightFormat;

import java.lang.foreign.MemorySegment;

/// How a product of some shape is computed: form, block sizes, and the layout of its workspace.
///
/// The workspace begins with the packed left-hand rows of as many units (runs of rows of one group)
/// as are computed in one go; the packed panels of a row-major right-hand side follow, if several
/// units share them; then an area for each worker. Block sizes come from the shape, the vector
/// width and, for the rows of a unit, from the number of threads. They change neither order nor
/// result of a sum; they are chosen so that a panel stays in the first-level cache while the rows
/// of a unit, which stay in the second, pass by.
public final class ProductPlan implements PlannedProduct {
    /// Rows from which packing a panel costs less than the tiles over panels win.
    static final int PACKING_ROWS = 48;

    /// Steps along k between two visits of a tile of results; a multiple of every block of words
    /// and of a run.
    static final int PANEL_DEPTH = MatrixLoops.RUN;

    /// As [#PANEL_DEPTH], for the tiles along k.
    static final int ROWS_DEPTH = 1024;

    private static final int PANEL_UNIT = 192;

    /// Rows of a unit of one large product: with their sums and the panels of a task, a run of them
    /// takes 900 KB of the second-level cache. What a panel costs to fetch or to pack is shared by
    /// its rows.
    private static final int LARGE_UNIT = 512;

    /// Tasks that a thread should have, so that none waits for another for long.
    private static final int TASKS_A_THREAD = 4;

    private static final int ROWS_UNIT = 32;

    /// A multiple of the rows of every tile.
    private static final int UNIT_STEP = 24;

    private static final int MOST_TASKS_A_ROW = 64;
    private static final int MOST_PANELS_A_TASK = 4;
    private static final long LEFT_BYTES = 32L << 20;
    private static final long RIGHT_BYTES = 64L << 20;
    private static final long ALIGNMENT = 64;

    private final ProductShape shape;
    private final WorkerPool pool;
    private final MatrixLoops loops;
    private final ProductForm form;
    private final int unitRows;
    private final int taskColumns;
    private final long leftBytes;
    private final int sharedColumns;

    private ProductPlan(
            ProductShape shape, WorkerPool pool, MatrixLoops loops, long limit, boolean shares) {
        this.shape = shape;
        this.pool = pool;
        this.loops = loops;
        this.form = form(shape);
        int panels = Math.ceilDiv(shape.columns(), loops.panelColumns());
        // Rows that hold neighbouring columns side by side are read a wide piece at a time, and
        // many rows are best read seldom.
        boolean wide = !shape.rightTransposed() || shape.maxGroupRows() >= PACKING_ROWS;
        int fewest = wide ? Math.min(panels, MOST_PANELS_A_TASK) : 1;
        this.taskColumns =
                loops.panelColumns()
                        * Math.clamp(
                                Math.ceilDiv(panels, MOST_TASKS_A_ROW), fewest, MOST_PANELS_A_TASK);
        this.unitRows = unitRows(limit, shares && shape.groups() == 1 && !shape.symmetric());
        long oneUnit = unitBytes(unitRows);
        long units = Math.ceilDiv(shape.maxRows(), unitRows) + (long) shape.groups();
        long spare = (limit - area().bytes() * pool.threads()) / ALIGNMENT * ALIGNMENT;
        this.sharedColumns = shares ? sharedColumns(spare - oneUnit) : 0;
        long forLeft = Math.min(LEFT_BYTES, spare - rightBytes());
        this.leftBytes = Math.max(oneUnit, Math.min(forLeft, oneUnit * units));
    }

    /// Panels that one unit alone reads are packed by the task that reads them.
    private int sharedColumns(long spare) {
        if (form != ProductForm.PACKING
                || shape.groups() > 1
                || shape.maxRows() <= unitRows
                || shape.rightTransposed() && shape.maxRows() < PACKING_ROWS) {
            return 0;
        }
        long most = Math.clamp(spare, 0, RIGHT_BYTES) / Math.max(1, panelBytes(taskColumns));
        return (int) Math.min(most, Math.ceilDiv(shape.columns(), taskColumns)) * taskColumns;
    }

    /// {@return bytes of packed panels of some whole tasks' columns}
    private long panelBytes(int columns) {
        return (long) columns * shape.maxDepth() * Float.BYTES;
    }

    /// {@return columns of the result whose packed panels lie in the workspace for all units at a
    /// time, a multiple of [#taskColumns()]; 0 if every task packs its own}
    int sharedColumns() {
        return sharedColumns;
    }

    /// {@return bytes from the packed left-hand rows to the workers' areas}
    private long rightBytes() {
        return align(panelBytes(sharedColumns));
    }

    /// {@return where the workers' areas begin}
    long areasAt() {
        return leftBytes + rightBytes();
    }

    /// {@return the plan of a shape within a workspace limit, or one with the smallest possible
    /// workspace}
    public static ProductPlan of(
            ProductShape shape, WorkerPool pool, MatrixLoops loops, long workspaceLimit) {
        return new ProductPlan(shape, pool, loops, workspaceLimit, true);
    }

    /// {@return as [#of], for a kernel that drives units itself: every task packs its own panels}
    static ProductPlan ofUnits(
            ProductShape shape, WorkerPool pool, MatrixLoops loops, long workspaceLimit) {
        return new ProductPlan(shape, pool, loops, workspaceLimit, false);
    }

    private static ProductForm form(ProductShape shape) {
        if (!shape.right().isRowMajor()) {
            return ProductForm.PANEL;
        }
        boolean many = shape.maxGroupRows() >= PACKING_ROWS && !shape.invariant();
        return many || !shape.rightTransposed() ? ProductForm.PACKING : ProductForm.ROWS;
    }

    private int unitRows(long limit, boolean large) {
        int rows = form == ProductForm.ROWS ? ROWS_UNIT : large ? largeUnit() : PANEL_UNIT;
        rows = Math.min(rows, shape.maxGroupRows());
        while (rows > 1 && unitBytes(rows) + area().bytes() * pool.threads() > limit) {
            rows = Math.ceilDiv(rows, 2);
        }
        return rows;
    }

    /// Units of equal size, as few as give every thread enough tasks.
    private int largeUnit() {
        int blocks = Math.ceilDiv(shape.columns(), taskColumns);
        int units = Math.ceilDiv(shape.maxRows(), LARGE_UNIT);
        int rows = shape.maxRows();
        do {
            rows = Math.ceilDiv(Math.ceilDiv(shape.maxRows(), units), UNIT_STEP) * UNIT_STEP;
            units++;
        } while (rows > PANEL_UNIT
                && (long) (units - 1) * blocks < (long) TASKS_A_THREAD * pool.threads());
        return Math.max(rows, Math.min(PANEL_UNIT, shape.maxRows()));
    }

    private long unitBytes(int rows) {
        long bytes = 0;
        if (mayUseRows()) {
            bytes = rows * LeftPacker.rowPitch(loops, shape.maxDepth());
        }
        if (form != ProductForm.ROWS) {
            bytes = Math.max(bytes, LeftPacker.tileBytes(loops, rows, shape.maxDepth()));
        }
        return align(bytes);
    }

    private boolean mayUseRows() {
        return form == ProductForm.ROWS || form == ProductForm.PACKING && shape.rightTransposed();
    }

    /// Where the parts of a worker's area begin, in bytes from its start.
    ///
    /// @param scales one scale for each word of a run of a weight
    /// @param decoded decoded rows of a weight
    /// @param tails ends of rows of a weight, padded
    /// @param panels the F32 panels of a task, each with room for [#PANEL_DEPTH] steps
    /// @param bytes size of the area
    record Area(long scales, long decoded, long tails, long panels, long bytes) {}

    Area area() {
        long scales = 0;
        long decoded = scales + ROWS_DEPTH * Float.BYTES;
        long tails = decoded + (long) MatrixLoops.WEIGHT_ROWS * ROWS_DEPTH * Float.BYTES;
        long panels = tails + (mayUseRows() ? (long) MatrixLoops.WEIGHT_ROWS * tailPitch() : 0);
        long end =
                align(panels)
                        + (form == ProductForm.ROWS
                                ? 0
                                : (long) PANEL_DEPTH * taskColumns * Float.BYTES);
        return new Area(scales, decoded, tails, align(panels), align(end));
    }

    /// {@return bytes from a padded end of a row of the weight to the next}
    int tailPitch() {
        return (Weights.planes(shape.right()) + 1) * loops.lanes() * Float.BYTES;
    }

    private static long align(long bytes) {
        return Math.ceilDiv(bytes, ALIGNMENT) * ALIGNMENT;
    }

    /// {@return the form}
    public ProductForm form() {
        return form;
    }

    /// {@return whether a row of a group is computed along k rather than over panels if its group
    /// has this many rows}
    boolean alongK(int groupRows) {
        return form == ProductForm.ROWS
                || form == ProductForm.PACKING
                        && shape.rightTransposed()
                        && groupRows < PACKING_ROWS;
    }

    @Override
    public boolean invariant() {
        return form != ProductForm.PACKING || !shape.rightTransposed();
    }

    @Override
    public String label() {
        return form.label();
    }

    @Override
    public long workspaceBytes() {
        return areasAt() + area().bytes() * pool.threads();
    }

    @Override
    public MatrixProduct bind(
            Matrices left, Weights right, Matrices addend, Matrices out, MemorySegment workspace) {
        return new MatrixProduct(this, left, right, addend, out, workspace);
    }

    ProductShape shape() {
        return shape;
    }

    WorkerPool pool() {
        return pool;
    }

    MatrixLoops loops() {
        return loops;
    }

    int unitRows() {
        return unitRows;
    }

    int taskColumns() {
        return taskColumns;
    }

    long leftBytes() {
        return leftBytes;
    }

    WeightFormat right() {
        return shape.right();
    }
}
