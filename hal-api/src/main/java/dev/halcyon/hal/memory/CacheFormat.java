package dev.halcyon.hal.memory;

import java.util.Objects;

/// How the rows of a paged key-value cache are stored.
///
/// A page holds `rowsPerPage` rows, one a token. A row of an MLA cache is the normalised latent
/// (`latentDim` values) followed by the rotated, shared rope key (`ropeDim` values). Only kernel
/// specs interpret pages. Any page may be shared by its number; whole pages may be copied and
/// swapped as bytes in the canonical layout, and in another one if its backend says so.
///
/// @param layout [#ROW_MAJOR], the canonical layout that every backend reads and writes, or a
///   backend's own name
/// @param dtype element type of a row
/// @param latentDim values of the latent part
/// @param ropeDim values of the rope part, 0 where there is none
/// @param rowsPerPage tokens a page
/// @param bytesPerPage size of one page
public record CacheFormat(
        String layout,
        DType dtype,
        int latentDim,
        int ropeDim,
        int rowsPerPage,
        long bytesPerPage) {
    /// The canonical layout: rows of `latentDim + ropeDim` elements, one after the other.
    public static final String ROW_MAJOR = "row-major";

    /// Rows a page unless somebody asks for another number; FlashMLA and CANN both use 64.
    public static final int DEFAULT_ROWS_PER_PAGE = 64;

    public CacheFormat {
        Objects.requireNonNull(layout, "layout");
        Objects.requireNonNull(dtype, "dtype");
        if (latentDim < 1 || ropeDim < 0 || rowsPerPage < 1 || bytesPerPage < 1) {
            throw new IllegalArgumentException(
                    "cache format with latentDim "
                            + latentDim
                            + ", ropeDim "
                            + ropeDim
                            + ", rowsPerPage "
                            + rowsPerPage
                            + ", bytesPerPage "
                            + bytesPerPage);
        }
        long rowDim = (long) latentDim + ropeDim;
        if (rowDim > Integer.MAX_VALUE) {
            throw new IllegalArgumentException(
                    "a cache row of " + latentDim + " and " + ropeDim + " values is too long");
        }
        if (layout.equals(ROW_MAJOR) && bytesPerPage != dtype.bytes(rowsPerPage * rowDim)) {
            throw new IllegalArgumentException(
                    "a row-major page of "
                            + rowsPerPage
                            + " rows of "
                            + rowDim
                            + " "
                            + dtype
                            + " has "
                            + dtype.bytes(rowsPerPage * rowDim)
                            + " bytes, not "
                            + bytesPerPage);
        }
    }

    /// {@return the canonical format}
    public static CacheFormat rowMajor(DType dtype, int latentDim, int ropeDim, int rowsPerPage) {
        long bytes =
                dtype.bytes(Math.multiplyExact((long) rowsPerPage, (long) latentDim + ropeDim));
        return new CacheFormat(ROW_MAJOR, dtype, latentDim, ropeDim, rowsPerPage, bytes);
    }

    /// {@return the number of elements of a row}
    public int rowDim() {
        return latentDim + ropeDim;
    }

    /// {@return whether this is the canonical layout}
    public boolean isRowMajor() {
        return layout.equals(ROW_MAJOR);
    }

    /// {@return the number of pages that `tokens` tokens of one sequence need}
    public long pagesFor(long tokens) {
        return Math.ceilDiv(tokens, rowsPerPage);
    }
}
