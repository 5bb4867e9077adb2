package dev.halcyon.hal.memory;

/// The pages of a key-value cache, shared by all sequences of one layer (or of all layers, at the
/// engine's choice).
///
/// A sequence owns pages through a block table: row `i` of a sequence lies in page `blockTable[i /
/// rowsPerPage]` at row `i % rowsPerPage`; its slot is `page * rowsPerPage + row`.
///
/// @param storage the bytes, [DType#U8], shape `[pages, bytesPerPage]`
/// @param format how to read a page
public record CachePool(Tensor storage, CacheFormat format) {
    public CachePool {
        Shape shape = storage.shape();
        if (storage.dtype() != DType.U8
                || shape.rank() != 2
                || shape.dim(1) != format.bytesPerPage()) {
            throw new IllegalArgumentException(
                    "a cache pool of "
                            + format
                            + " is U8 [pages, "
                            + format.bytesPerPage()
                            + "], not "
                            + storage.dtype()
                            + " "
                            + shape);
        }
        if (!storage.isContiguous() || storage.byteOffset() % format.dtype().alignment() != 0) {
            throw new IllegalArgumentException(
                    "pages of "
                            + format
                            + " lie one behind the other and begin at a multiple of "
                            + format.dtype().alignment()
                            + " bytes, unlike "
                            + storage
                            + " at offset "
                            + storage.byteOffset());
        }
    }

    /// {@return a pool of `pages` pages in memory of `arena`}
    public static CachePool allocate(DeviceArena arena, CacheFormat format, long pages) {
        return new CachePool(arena.tensor(DType.U8, pages, format.bytesPerPage()), format);
    }

    /// {@return the number of pages}
    public long pages() {
        return storage.shape().dim(0);
    }

    /// {@return the number of rows of all pages; valid slots are `0 … slots() - 1`}
    public long slots() {
        return pages() * format.rowsPerPage();
    }

    /// {@return the pages as a tensor `[pages, rowsPerPage, rowDim]`, for host code and tests}
    ///
    /// @throws IllegalStateException if the layout is not the canonical one
    public Tensor rows() {
        if (!format.isRowMajor()) {
            throw new IllegalStateException("cache layout " + format.layout() + " has no row view");
        }
        return storage.reinterpret(
                format.dtype(), Shape.of(pages(), format.rowsPerPage(), format.rowDim()));
    }
}
