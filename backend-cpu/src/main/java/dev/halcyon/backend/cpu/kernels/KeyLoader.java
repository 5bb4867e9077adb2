package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.backend.cpu.loops.Meanwhile;

import java.lang.foreign.MemorySegment;

/// Widens the cache rows of a worker's next block while the block before is computed, a row now and
/// then: a row's way from memory takes as long as a tile, and where several rows are asked for at
/// once a core waits for most of it.
///
/// Rows of a page outside the pool become zeros, are reported, and make the block incomplete.
final class KeyLoader implements Meanwhile {
    private final OnlineSoftmax softmax;
    private final DecodeOperands operands;
    private final MemorySegment memory;
    private final long area;
    private long sequence;
    private boolean reports;
    private long firstRow;
    private int keys;
    private int half;
    private int loaded;
    private long done;
    private long all;
    private boolean complete;

    /// Loads into a worker's area.
    KeyLoader(OnlineSoftmax softmax, DecodeOperands operands, MemorySegment memory, long area) {
        this.softmax = softmax;
        this.operands = operands;
        this.memory = memory;
        this.area = area;
    }

    /// Turns to a sequence.
    ///
    /// @param reportsPages whether to report pages that are not there
    void turnTo(long ofSequence, boolean reportsPages) {
        sequence = ofSequence;
        reports = reportsPages;
        half = 1;
    }

    /// Begins a block of rows.
    ///
    /// @param count rows, perhaps none
    /// @param products how many will be computed meanwhile
    void begin(long row, int count, long products) {
        firstRow = row;
        keys = count;
        half = 1 - half;
        loaded = 0;
        done = 0;
        all = Math.max(1, products);
        complete = true;
    }

    @Override
    public void after(long products) {
        done += products;
        load((int) Math.min(keys, keys * done / all));
    }

    /// Loads what is left of the block.
    ///
    /// @return whether every row was there
    boolean finish() {
        load(keys);
        return complete;
    }

    /// {@return the half of the area that the block lies in}
    int half() {
        return half;
    }

    private void load(int end) {
        for (; loaded < end; loaded++) {
            long row = firstRow + loaded;
            long slot = operands.slot(sequence, row);
            if (slot >= 0) {
                softmax.loadKey(
                        operands.cache, slot, 0, operands.rowDim, memory, area, half, loaded, 0);
                continue;
            }
            complete = false;
            softmax.clearKey(memory, area, half, loaded);
            if (reports && (row % operands.rowsPerPage == 0 || loaded == 0)) {
                operands.reportPage(sequence, row);
            }
        }
    }
}
