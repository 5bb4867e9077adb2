package dev.halcyon.backend.ascend.kernels;

import dev.halcyon.backend.ascend.acl.AclDataType;
import dev.halcyon.backend.ascend.operators.View;
import dev.halcyon.hal.Support;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.memory.CacheFormat;
import dev.halcyon.hal.memory.CachePool;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.spi.Decision;

import org.jspecify.annotations.Nullable;

import java.util.List;

/// The pages of a cache as matrices of rows.
///
/// In the canonical layout there is one matrix. In [#PARTS] the latents of all pages come first,
/// then the rope keys of all pages, because CANN's fused attention wants each without gaps; what is
/// a page there is two runs of bytes, and a pool moves as a whole or by specs.
///
/// @param parts the matrices, in the order of their columns
record CacheRows(List<Part> parts) {
    /// The name of the layout with latents and rope keys apart.
    static final String PARTS = "ascend-parts";

    /// Columns `from` to `end - 1` of the rows.
    ///
    /// @param rows `[slots, end - from]`
    record Part(View rows, int from, int end) {
        /// {@return the rows of whole pages, `[pages, rowsPerPage * (end - from)]`}
        View pages(int rowsPerPage) {
            return rows.reshape(rows.dim(0) / rowsPerPage, rowsPerPage * rows.dim(1));
        }
    }

    /// {@return the format with latents and rope keys apart}
    static CacheFormat parts(DType dtype, int latentDim, int ropeDim) {
        int rows = CacheFormat.DEFAULT_ROWS_PER_PAGE;
        return new CacheFormat(
                PARTS,
                dtype,
                latentDim,
                ropeDim,
                rows,
                dtype.bytes((long) rows * (latentDim + (long) ropeDim)));
    }

    /// {@return whether latents and rope keys are apart}
    static boolean isApart(CacheFormat format) {
        return format.layout().equals(PARTS);
    }

    /// {@return why a format is not possible; null if it is}
    static <A extends KernelArgs, W> @Nullable Decision<A, W> refusal(CacheFormat format) {
        boolean apart =
                isApart(format)
                        && format.dtype().bits() == 16
                        && format.bytesPerPage()
                                == format.dtype()
                                        .bytes((long) format.rowsPerPage() * format.rowDim());
        if (!format.isRowMajor() && !apart) {
            return Decision.refused(
                    Support.Reason.FORMAT,
                    "this device has no cache layout \"" + format.layout() + "\" of " + format,
                    "the row-major cache, or the one that cacheFormat names");
        }
        return format.dtype().isPacked()
                ? Decision.refused(
                        Support.Reason.FORMAT,
                        "rows of " + format.dtype() + " are not read one by one",
                        "a cache of 8-bit or wider elements")
                : null;
    }

    /// {@return the rows of all pages}
    static CacheRows of(CachePool cache) {
        CacheFormat format = cache.format();
        if (format.isRowMajor()) {
            View all = View.of(cache.rows()).reshape(cache.slots(), format.rowDim());
            return new CacheRows(List.of(new Part(all, 0, format.rowDim())));
        }
        AclDataType type = View.typeOf(format.dtype());
        long start = cache.storage().elements() == 0 ? 0 : cache.storage().address();
        long latents = format.dtype().bytes(cache.slots() * format.latentDim());
        return apart(
                format,
                View.at(start, type, cache.slots(), format.latentDim()),
                View.at(start + latents, type, cache.slots(), format.ropeDim()));
    }

    /// {@return rows of one page without memory, to plan with}
    static CacheRows unbound(CacheFormat format) {
        long rows = format.rowsPerPage();
        if (format.isRowMajor()) {
            View all = View.unbound(format.dtype(), rows, format.rowDim());
            return new CacheRows(List.of(new Part(all, 0, format.rowDim())));
        }
        return apart(
                format,
                View.unbound(format.dtype(), rows, format.latentDim()),
                View.unbound(format.dtype(), rows, format.ropeDim()));
    }

    private static CacheRows apart(CacheFormat format, View latents, View ropeKeys) {
        Part latent = new Part(latents, 0, format.latentDim());
        return new CacheRows(
                format.ropeDim() == 0
                        ? List.of(latent)
                        : List.of(latent, new Part(ropeKeys, format.latentDim(), format.rowDim())));
    }

    /// {@return the number of rows}
    long slots() {
        return parts.getFirst().rows().dim(0);
    }
}
