// CacheAppend and CacheGather: rows of a cache of the canonical layout, a block a token. A slot is the number of a row in the
// whole pool, because pages lie one behind the other without gaps.
#include "faults.cuh"
#include "matrix.cuh"

struct CacheParams {
    int64_t words;
    void *cache;
    void *latent, *rope_key;
    const int32_t *slots;
    const int32_t *active_rows;
    Faults *faults;
    int64_t cache_type, type, rows, pool_rows, latent_dim, rope_dim, latent_stride, rope_stride, slots_stride;
};

// The slot of a token, or -1 for one that has none; a bad one is reported.
DEVICE int64_t slot_of(const CacheParams &p, int64_t row) {
    int64_t slot = p.slots[row * p.slots_stride];
    if (slot >= 0 && slot < p.pool_rows) {
        return slot;
    }
    if (slot != -1 && thread_index() == 0) {
        report_fault(p.faults, SLOTS, row, slot, p.pool_rows);
    }
    return -1;
}

KERNEL(cache_append, CacheParams, 256) {
    int64_t row = block_x();
    if (row >= live_rows(p.rows, p.active_rows)) {
        return;
    }
    int64_t slot = slot_of(p, row), row_dim = p.latent_dim + p.rope_dim;
    for (int64_t i = thread_index(); slot >= 0 && i < row_dim; i += thread_count()) {
        double value = i < p.latent_dim ? load_wide(p.latent, row * p.latent_stride + i, p.type)
                                        : load_wide(p.rope_key, row * p.rope_stride + i - p.latent_dim, p.type);
        store_wide(p.cache, slot * row_dim + i, p.cache_type, value);
    }
}

KERNEL(cache_gather, CacheParams, 256) {
    int64_t row = block_x();
    if (row >= live_rows(p.rows, p.active_rows)) {
        return;
    }
    int64_t slot = slot_of(p, row), row_dim = p.latent_dim + p.rope_dim;
    for (int64_t i = thread_index(); i < row_dim; i += thread_count()) {
        double value = slot < 0 ? 0.0 : load_wide(p.cache, slot * row_dim + i, p.cache_type);
        if (i < p.latent_dim) {
            store_wide(p.latent, row * p.latent_stride + i, p.type, value);
        } else {
            store_wide(p.rope_key, row * p.rope_stride + i - p.latent_dim, p.type, value);
        }
    }
}
