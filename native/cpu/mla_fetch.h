/*
 * Fetches the next block while one is computed, so that it is in the second-level cache when it is needed.
 */
#ifndef HCPU_MLA_FETCH_H
#define HCPU_MLA_FETCH_H

#include "mla.h"

#include <immintrin.h>

struct mla_fetch {
    const struct mla_run *run;
    const struct mla_run *end;
    int64_t key_bytes;
    const uint8_t *at;
    const uint8_t *stop;
    int64_t row;
    int lines; /* a step */
};

static inline int64_t mla_chunks(int64_t values)
{
    return (values + MLA_CHUNK - 1) / MLA_CHUNK;
}

static inline int mla_fetch_next(struct mla_fetch *fetch)
{
    while (fetch->run < fetch->end) {
        const struct mla_run *run = fetch->run;
        if (run->key && fetch->row < run->rows) {
            int packed = run->key_stride == fetch->key_bytes;
            fetch->at = run->key + fetch->row * run->key_stride;
            fetch->stop = fetch->at + (packed ? run->rows * run->key_stride : fetch->key_bytes);
            fetch->row += packed ? run->rows : 1;
            return 1;
        }
        fetch->run++;
        fetch->row = 0;
    }
    return 0;
}

static inline void mla_fetch_some(struct mla_fetch *fetch)
{
    for (int i = 0; i < fetch->lines; i++) {
        if (fetch->at >= fetch->stop && !mla_fetch_next(fetch)) {
            return;
        }
        _mm_prefetch((const char *)fetch->at, _MM_HINT_T1);
        fetch->at += 64;
    }
}

static inline struct mla_fetch mla_fetch_of(const struct mla_block *block)
{
    struct mla_fetch fetch = {.run = block->next_run, .end = block->next_run + block->next_runs};
    fetch.key_bytes = block->key_dim * 2;
    int64_t lines = 0;
    for (int64_t r = 0; r < block->next_runs; r++) {
        lines += block->next_run[r].rows * ((fetch.key_bytes + 63) / 64);
    }
    int64_t chunks = (block->keys + 31) / 32;
    int64_t steps = (block->groups + 1) / 2 * chunks *
                    (mla_chunks(block->key_dim) + mla_chunks(block->rope_dim) + mla_chunks(block->value_dim));
    fetch.lines = steps ? (int)((lines + steps - 1) / steps) : 0;
    return fetch;
}

#endif
