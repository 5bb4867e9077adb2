package dev.halcyon.tck.oracle;

import java.util.Arrays;

/// A pool of cached rows in pages, shared by many sequences through block tables.
///
/// Slot `page * pageRows + offset` holds one row. Source: FlashMLA's dense decode interface, where
/// a page has 64 rows.
public final class PagedCache {
    private final int pages;
    private final int pageRows;
    private final int columns;
    private final double[] data;

    /// A pool over existing storage, `[pages, pageRows, columns]`.
    ///
    /// @throws IllegalArgumentException if the storage does not have that many values
    public PagedCache(double[] data, int pages, int pageRows, int columns) {
        Shapes.require("cache", data.length, pages, pageRows, columns);
        this.pages = pages;
        this.pageRows = pageRows;
        this.columns = columns;
        this.data = data;
    }

    /// A pool whose rows are all NaN, so that a row that was never appended is noticed when it is
    /// read.
    public static PagedCache poisoned(int pages, int pageRows, int columns) {
        double[] data = new double[pages * pageRows * columns];
        Arrays.fill(data, Double.NaN);
        return new PagedCache(data, pages, pageRows, columns);
    }

    /// Values per row.
    public int columns() {
        return columns;
    }

    /// Rows per page.
    public int pageRows() {
        return pageRows;
    }

    /// Writes row i of `newRows` to slot `slots[i]`; the slot -1 drops the row.
    ///
    /// @throws IndexOutOfBoundsException if a slot is below -1 or beyond the pool
    public void append(double[] newRows, int[] slots) {
        Shapes.require("rows", newRows.length, slots.length, columns);
        for (int i = 0; i < slots.length; i++) {
            if (slots[i] == -1) {
                continue;
            }
            if (slots[i] < -1 || slots[i] >= pages * pageRows) {
                throw new IndexOutOfBoundsException(
                        "slot " + slots[i] + " of a pool of " + pages + " x " + pageRows + " rows");
            }
            System.arraycopy(newRows, i * columns, data, slots[i] * columns, columns);
        }
    }

    /// The first `length` rows of a sequence, found through its pages in order.
    ///
    /// @param pageNumbers the sequence's block table; entries beyond the last needed page are not
    ///   looked at
    public Rows sequence(int[] pageNumbers, int length) {
        return new Sequence(this, pageNumbers.clone(), length);
    }

    /// Which of the first `length` rows of a sequence lie in a page of the pool; the others count
    /// as not there.
    ///
    /// @param pageNumbers the sequence's block table; a row beyond its end is not there either
    public boolean[] present(int[] pageNumbers, int length) {
        boolean[] present =
                new boolean[Math.max(0, Math.min(length, pageNumbers.length * pageRows))];
        for (int row = 0; row < present.length; row++) {
            int page = pageNumbers[row / pageRows];
            present[row] = page >= 0 && page < pages;
        }
        return present;
    }

    @SuppressWarnings("ArrayRecordComponent")
    private record Sequence(PagedCache pool, int[] pageNumbers, int rows) implements Rows {
        @Override
        public int columns() {
            return pool.columns;
        }

        @Override
        public void read(int row, double[] into) {
            int page = pageNumbers[row / pool.pageRows];
            if (page < 0 || page >= pool.pages) {
                throw new IndexOutOfBoundsException(
                        "page " + page + " of a pool of " + pool.pages + " pages, for row " + row);
            }
            int slot = page * pool.pageRows + row % pool.pageRows;
            System.arraycopy(pool.data, slot * pool.columns, into, 0, pool.columns);
        }
    }
}
