package dev.halcyon.backend.ascend.kernels;

import dev.halcyon.backend.ascend.operators.View;
import dev.halcyon.hal.Support;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.memory.CacheFormat;
import dev.halcyon.hal.memory.CachePool;
import dev.halcyon.hal.spi.Decision;

import org.jspecify.annotations.Nullable;

/// The pages of a cache as one matrix of rows.
final class CacheRows {
    private CacheRows() {}

    /// {@return why a format is not possible; null if it is}
    static <A extends KernelArgs, W> @Nullable Decision<A, W> refusal(CacheFormat format) {
        if (!format.isRowMajor()) {
            return Decision.refused(
                    Support.Reason.FORMAT,
                    "this device has no cache layout \"" + format.layout() + "\"",
                    "the row-major cache");
        }
        return format.dtype().isPacked()
                ? Decision.refused(
                        Support.Reason.FORMAT,
                        "rows of " + format.dtype() + " are not read one by one",
                        "a cache of 8-bit or wider elements")
                : null;
    }

    /// {@return the rows of all pages, `[slots, rowDim]`}
    static View of(CachePool cache) {
        return View.of(cache.rows()).reshape(cache.slots(), cache.format().rowDim());
    }
}
