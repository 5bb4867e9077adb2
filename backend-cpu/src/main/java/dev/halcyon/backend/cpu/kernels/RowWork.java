package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.backend.cpu.CpuContext;
import dev.halcyon.backend.cpu.loops.RowLoops;
import dev.halcyon.backend.cpu.parallel.WorkerPool;
import dev.halcyon.hal.host.FaultSink;
import dev.halcyon.hal.host.HostWork;
import dev.halcyon.hal.memory.Tensor;

import org.jspecify.annotations.Nullable;

/// Work on the rows of a matrix, cut into blocks of a size that depends on the number of columns
/// alone.
///
/// A subclass computes one block; whatever it does to a row must not depend on the block the row is
/// in.
abstract class RowWork implements HostWork, WorkerPool.Task {
    /// Elements of a block: some microseconds of work, so that handing it to a thread is worth it.
    private static final int BLOCK_ELEMENTS = 1 << 14;

    /// Most rows of a block, so that a kernel can keep a number for each in a [Scratch] stretch.
    private static final int MAX_BLOCK_ROWS = Scratch.LENGTH;

    final RowLoops loops;
    private final WorkerPool pool;
    private final long rows;
    private final int columns;
    private final int blockRows;
    private final int blockColumns;
    private final int columnBlocks;
    private final @Nullable Rows activeRows;
    private long live;
    private @Nullable FaultSink faults;

    /// Makes work on whole rows.
    ///
    /// @param rows number of rows
    /// @param columns elements of each
    /// @param activeRows the optional number of live rows
    RowWork(CpuContext context, long rows, int columns, @Nullable Tensor activeRows) {
        this(context, rows, columns, columns, activeRows);
    }

    private RowWork(
            CpuContext context,
            long rows,
            int columns,
            int blockColumns,
            @Nullable Tensor activeRows) {
        this.loops = context.rows();
        this.pool = context.pool();
        this.rows = rows;
        this.columns = columns;
        this.blockColumns = blockColumns;
        this.columnBlocks = Math.ceilDiv(columns, blockColumns);
        this.blockRows = Math.clamp(BLOCK_ELEMENTS / blockColumns, 1, MAX_BLOCK_ROWS);
        this.activeRows = Rows.flatOrNull(activeRows);
    }

    /// Work whose columns do not need each other, so that even a single long row is shared among
    /// threads.
    abstract static class Elementwise extends RowWork {
        Elementwise(CpuContext context, long rows, int columns, @Nullable Tensor activeRows) {
            super(context, rows, columns, Math.min(columns, BLOCK_ELEMENTS), activeRows);
        }

        @Override
        final void block(long first, long end, int column, int n, int worker) {
            for (long row = first; row < end; row++) {
                for (int from = column; from < column + n; from += Scratch.LENGTH) {
                    stretch(row, from, Math.min(Scratch.LENGTH, column + n - from));
                }
            }
        }

        /// Computes `n` elements of a row, at most [Scratch#LENGTH].
        abstract void stretch(long row, int column, int n);
    }

    @Override
    public final void run(FaultSink sink) {
        faults = sink;
        live = Rows.live(rows, activeRows);
        prepare();
        long blocks = Math.ceilDiv(live, blockRows) * columnBlocks;
        pool.run(Math.toIntExact(blocks), this);
        finish(live);
    }

    @Override
    public final void run(int task, int worker) {
        long first = (long) (task / columnBlocks) * blockRows;
        int column = task % columnBlocks * blockColumns;
        int n = Math.min(blockColumns, columns - column);
        block(first, Math.min(live, first + blockRows), column, n, worker);
    }

    /// Reads what may change from submit to submit, before the first block.
    void prepare() {}

    /// Does what needs every block done.
    ///
    /// @param live the number of live rows
    void finish(long live) {}

    /// Computes columns `column` to `column + n - 1` of rows `first` to `end - 1`.
    ///
    /// @param worker number of the thread, for scratch memory of its own
    abstract void block(long first, long end, int column, int n, int worker);

    /// Reports an index outside its pool.
    final void fault(String operand, long position, long index, long bound) {
        FaultSink sink = faults;
        if (sink != null) {
            sink.report(operand, position, index, bound);
        }
    }
}
