package dev.halcyon.hal.kernel.attention;

import dev.halcyon.hal.kernel.Require;
import dev.halcyon.hal.memory.CacheFormat;
import dev.halcyon.hal.memory.CachePool;

/// What the specs that touch a cache have in common.
final class CacheFormats {
    private CacheFormats() {}

    static void require(String name, CachePool pool, CacheFormat format) {
        Require.that(
                pool.format().equals(format),
                name + " must be a pool of " + format + ", not of " + pool.format());
        Require.contiguous(name, pool.storage());
    }

    static double bytesPerRow(CacheFormat format) {
        return (double) format.bytesPerPage() / format.rowsPerPage();
    }
}
