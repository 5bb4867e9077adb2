package dev.halcyon.backend.cpu.product;

import dev.halcyon.backend.cpu.memory.NativeMemory;
import dev.halcyon.backend.cpu.nativecode.Bf16Calls;
import dev.halcyon.backend.cpu.nativecode.NativeLevel;

/// Tasks of a product of BF16 rows with BF16 panels, or with a BF16 matrix that is packed on the
/// way.
///
/// The order of calls is a matter of caches alone. Few rows go from panel to panel, each read as
/// one stream; many rows go from chunk to chunk, so that a chunk of them stays in the second-level
/// cache while the panels pass by.
final class Bf16Task implements NativeTask {
    private static final int PANEL_COLUMNS = Bf16Calls.PANEL_COLUMNS;
    private static final int CHUNK_DEPTH = Bf16Calls.CHUNK_DEPTH;
    private static final long PAIR_BYTES = 4L * PANEL_COLUMNS;

    /// Depth of a call for a block of rows, whose chunks are one stream.
    private static final int STREAM_DEPTH = 16 * CHUNK_DEPTH;

    private final ProductShape shape;
    private final Matrices left;
    private final Weights right;
    private final NativeStore store;
    private final boolean onTiles;
    private final boolean packed;
    private final int taskPanels;
    private final long sumsPitch;
    private final long areas;
    private final long areaBytes;
    private final long panelsAt;

    Bf16Task(
            Bf16Plan plan,
            Matrices left,
            Weights right,
            Matrices addend,
            Matrices out,
            long areas) {
        this.shape = plan.shape();
        this.right = right;
        this.left = left;
        this.store = new NativeStore(shape, addend, out);
        this.onTiles = plan.level().includes(NativeLevel.AMX);
        this.packed = plan.isStoredInPanels();
        this.taskPanels = plan.taskPanels();
        this.sumsPitch = taskPanels * Bf16Plan.SUM_BYTES;
        this.areas = areas;
        this.areaBytes = plan.areaBytes();
        this.panelsAt = plan.panelsAt();
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
        boolean transposed = shape.leftTransposed();
        long at = transposed ? left.at(group, 0, unitRow) : left.at(group, unitRow, 0);
        long pitch = left.rowBytes();
        long bytes =
                transposed
                        ? NativeMemory.extent(depth, pitch, unitRows * (long) Short.BYTES)
                        : NativeMemory.extent(unitRows, pitch, depth * (long) Short.BYTES);
        Bf16Calls.packLeft(
                NativeMemory.address(left.segment(group), at, bytes),
                pitch,
                transposed,
                unitRows,
                depth,
                firstRow,
                endRow,
                firstChunk,
                endChunk,
                to);
    }

    @Override
    public void compute(
            int group, int row, int rows, int depth, long packedLeft, int panel, int worker) {
        int column = panel * PANEL_COLUMNS;
        int columns = Math.min(taskPanels * PANEL_COLUMNS, shape.columns() - column);
        int panels = Math.ceilDiv(columns, PANEL_COLUMNS);
        if (rowsOf(row, rows, column + (panels - 1) * PANEL_COLUMNS) == 0) {
            return;
        }
        long sums = areas + worker * areaBytes;
        if (packed) {
            overStored(group, row, rows, depth, packedLeft, column, panels, sums);
        } else {
            overPacked(group, row, rows, depth, packedLeft, column, columns, sums);
        }
        store(group, row, rows, column, columns, sums);
    }

    /// {@return how many rows of a unit are computed over the panel that begins at a column: of a
    /// symmetric result those above the diagonal, in whole blocks}
    private int rowsOf(int row, int rows, int column) {
        if (!shape.symmetric()) {
            return rows;
        }
        int above = column + PANEL_COLUMNS - row;
        return above <= 0 ? 0 : Math.min(rows, Math.ceilDiv(above, 16) * 16);
    }

    private void overStored(
            int group,
            int row,
            int rows,
            int depth,
            long packedLeft,
            int column,
            int panels,
            long sums) {
        long panelBytes = right.rowBytes();
        long first =
                NativeMemory.address(
                        right.segment(group),
                        right.at(group, column / PANEL_COLUMNS),
                        panels * panelBytes);
        if (pairs(depth) * PAIR_BYTES > panelBytes) {
            throw new IllegalStateException("a sum is longer than the panels are deep");
        }
        if (rows <= Bf16Calls.BLOCK_ROWS || Bf16Plan.panelsFirst(rows)) {
            int run = rows <= Bf16Calls.BLOCK_ROWS ? STREAM_DEPTH : CHUNK_DEPTH;
            for (int p = 0; p < panels; p++) {
                int some = rowsOf(row, rows, column + p * PANEL_COLUMNS);
                for (int k = 0; k == 0 || k < depth; k += run) {
                    int steps = Math.min(run, depth - k);
                    long panel = first + p * panelBytes + pairs(k) * PAIR_BYTES;
                    long bytes = pairs(steps) * PAIR_BYTES;
                    multiply(
                            packedLeft + Bf16Plan.packedBytes(rows, k),
                            some,
                            panel,
                            steps,
                            sums + p * Bf16Plan.SUM_BYTES,
                            k == 0,
                            panel + bytes,
                            bytes,
                            0,
                            0);
                }
            }
            return;
        }
        for (int k = 0; k == 0 || k < depth; k += CHUNK_DEPTH) {
            int steps = Math.min(CHUNK_DEPTH, depth - k);
            long bytes = pairs(steps) * PAIR_BYTES;
            long nextLeft = packedLeft + Bf16Plan.packedBytes(rows, k + steps);
            long share = nextShare(rows, depth - k - steps, panels);
            for (int p = 0; p < panels; p++) {
                long panel = first + p * panelBytes + pairs(k) * PAIR_BYTES;
                long next = p < panels - 1 ? panel + panelBytes : first + pairs(k) * PAIR_BYTES;
                multiply(
                        packedLeft + Bf16Plan.packedBytes(rows, k),
                        rowsOf(row, rows, column + p * PANEL_COLUMNS),
                        panel,
                        steps,
                        sums + p * Bf16Plan.SUM_BYTES,
                        k == 0,
                        p < panels - 1 ? next : next + bytes,
                        bytes,
                        nextLeft + p * share,
                        share);
            }
        }
    }

    private void overPacked(
            int group,
            int row,
            int rows,
            int depth,
            long packedLeft,
            int column,
            int columns,
            long sums) {
        int panels = Math.ceilDiv(columns, PANEL_COLUMNS);
        long packs = sums + panelsAt;
        for (int k = 0; k == 0 || k < depth; k += CHUNK_DEPTH) {
            int steps = Math.min(CHUNK_DEPTH, depth - k);
            if (steps > 0) {
                pack(group, column, columns, k, steps, packs);
            }
            long nextLeft = packedLeft + Bf16Plan.packedBytes(rows, k + steps);
            long share = nextShare(rows, depth - k - steps, panels);
            for (int p = 0; p < panels; p++) {
                multiply(
                        packedLeft + Bf16Plan.packedBytes(rows, k),
                        rowsOf(row, rows, column + p * PANEL_COLUMNS),
                        packs + p * Bf16Plan.PANEL_CHUNK_BYTES,
                        steps,
                        sums + p * Bf16Plan.SUM_BYTES,
                        k == 0,
                        0,
                        0,
                        nextLeft + p * share,
                        share);
            }
        }
    }

    /// {@return how much of the next chunk of the left-hand side each panel asks for}
    private static long nextShare(int rows, int depthLeft, int panels) {
        return Bf16Plan.packedBytes(rows, Math.min(depthLeft, CHUNK_DEPTH)) / panels / 64 * 64;
    }

    private void pack(int group, int column, int columns, int k, int steps, long to) {
        long pitch = right.rowBytes();
        if (shape.rightTransposed()) {
            long bytes = NativeMemory.extent(columns, pitch, steps * (long) Short.BYTES);
            long from =
                    NativeMemory.address(right.segment(group), right.at(group, column, k), bytes);
            Bf16Calls.packRows(from, pitch, columns, steps, to, Bf16Plan.PANEL_CHUNK_BYTES);
        } else {
            long bytes = NativeMemory.extent(steps, pitch, columns * (long) Short.BYTES);
            long from =
                    NativeMemory.address(right.segment(group), right.at(group, k, column), bytes);
            Bf16Calls.packColumns(from, pitch, columns, steps, to, Bf16Plan.PANEL_CHUNK_BYTES);
        }
    }

    private void multiply(
            long left,
            int rows,
            long panel,
            int steps,
            long sums,
            boolean first,
            long nextPanel,
            long nextPanelBytes,
            long nextLeft,
            long nextLeftBytes) {
        if (rows == 0) {
            return;
        }
        if (onTiles) {
            Bf16Calls.tiles(
                    left,
                    rows,
                    panel,
                    pairs(steps),
                    sums,
                    sumsPitch,
                    first,
                    nextPanel,
                    nextPanelBytes,
                    nextLeft,
                    nextLeftBytes);
        } else {
            Bf16Calls.vectors(left, rows, panel, pairs(steps), sums, sumsPitch, first);
        }
    }

    private static long pairs(int depth) {
        return (depth + 1) / 2;
    }

    private void store(int group, int row, int rows, int column, int columns, long sums) {
        for (int j = 0; j < columns; j += PANEL_COLUMNS) {
            int some = rowsOf(row, rows, column + j);
            if (some > 0) {
                int width = Math.min(PANEL_COLUMNS, columns - j);
                long from = sums + (long) j * Float.BYTES;
                store.store(group, row, some, column + j, width, from, sumsPitch);
            }
        }
    }
}
