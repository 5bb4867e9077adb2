/*
 * Finds the rows of a block, copies keys that cannot be read in place, and interleaves values.
 *
 * Static, because it is compiled into the kernels of each instruction set.
 */
#ifndef HCPU_MLA_ROWS_H
#define HCPU_MLA_ROWS_H

#include "mla_fetch.h"

#include <immintrin.h>
#include <string.h>

/* 16 keys of one part, at a constant distance. */
struct mla_rows16 {
    const uint8_t *first;
    int64_t stride;
};

struct mla_scratch {
    uint8_t *values;
    float *scores;    /* [key][2 groups of 16 lanes] */
    uint8_t *weights; /* of two groups */
    uint8_t *keys;    /* copies, [key][padded key part, padded rope part] */
};

struct mla_sources {
    struct mla_rows16 key[MLA_KEYS / 16];
    struct mla_rows16 rope[MLA_KEYS / 16];
    const uint8_t *value[MLA_KEYS]; /* or NULL */
    uint32_t missing[MLA_KEYS / 32]; /* a bit a key */
    int any_missing;
};

static inline int64_t mla_values_bytes(int64_t value_dim)
{
    return MLA_KEYS / 2 * mla_chunks(value_dim) * 2 * 64;
}

static inline struct mla_scratch mla_scratch_of(const struct mla_block *block)
{
    struct mla_scratch scratch;
    scratch.scores = (float *)block->scratch;
    scratch.weights = block->scratch + MLA_KEYS * 32 * 4;
    scratch.values = scratch.weights + MLA_KEYS * 32 * 2;
    scratch.keys = scratch.values + mla_values_bytes(block->value_dim);
    return scratch;
}

static inline __mmask32 mla_first(int64_t n)
{
    return n >= 32 ? 0xffffffffu : n <= 0 ? 0 : (1u << n) - 1;
}

static inline void mla_copy_row(uint8_t *to, const uint8_t *from, int64_t values)
{
    for (int64_t d = 0; d < values; d += 32) {
        __m512i x = from ? _mm512_maskz_loadu_epi16(mla_first(values - d), from + 2 * d) : _mm512_setzero_si512();
        _mm512_store_si512(to + 2 * d, x);
    }
}

/* Rows a multiple of this apart share a few sets of the first-level cache. */
#define MLA_ALIASED 512

static inline int mla_in_place(int64_t dim, int64_t stride)
{
    return dim % MLA_CHUNK == 0 && stride % MLA_ALIASED != 0;
}

/* Interleaves two rows; the four words of every eight are a tile's, the other four the next tile's. */
static inline void mla_interleave(uint8_t *to, const uint8_t *even, const uint8_t *odd, int64_t values)
{
    for (int64_t d = 0; d < values; d += 32) {
        __mmask32 there = mla_first(values - d);
        __m512i a = even ? _mm512_maskz_loadu_epi16(there, even + 2 * d) : _mm512_setzero_si512();
        __m512i b = odd ? _mm512_maskz_loadu_epi16(there, odd + 2 * d) : _mm512_setzero_si512();
        _mm512_store_si512(to, _mm512_unpacklo_epi16(a, b));
        _mm512_store_si512(to + MLA_TILE, _mm512_unpackhi_epi16(a, b));
        to += 2 * MLA_TILE;
    }
}

static inline void mla_interleave_whole(uint8_t *to, const uint8_t *even, const uint8_t *odd, int64_t values)
{
    for (int64_t d = 0; d < values; d += 32) {
        __m512i a = _mm512_loadu_si512(even + 2 * d);
        __m512i b = _mm512_loadu_si512(odd + 2 * d);
        _mm512_store_si512(to, _mm512_unpacklo_epi16(a, b));
        _mm512_store_si512(to + MLA_TILE, _mm512_unpackhi_epi16(a, b));
        to += 2 * MLA_TILE;
    }
}

/* Interleaves all columns of some chunks of keys, for many lanes to read. */
static inline void mla_interleave_rows(uint8_t *to, const uint8_t *const *value, int64_t chunks, int64_t value_dim)
{
    int64_t value_chunks = mla_chunks(value_dim);
    for (int64_t k = 0; k < chunks * 32; k += 2) {
        uint8_t *at = to + k / 32 * value_chunks * 2 * MLA_TILE + k / 2 % 16 * 64;
        if (value[k] && value[k + 1] && value_dim % 32 == 0) {
            mla_interleave_whole(at, value[k], value[k + 1], value_dim);
        } else {
            mla_interleave(at, value[k], value[k + 1], value_dim);
        }
    }
}

/* Interleaves 32 columns of some chunks of keys, which the first-level cache holds until the few lanes have read them. */
static inline void mla_interleave_columns(uint8_t *to, const uint8_t *const *value, int64_t chunks, int64_t column,
                                          int64_t value_dim)
{
    __mmask32 there = mla_first(value_dim - column);
    for (int64_t k = 0; k < chunks * 32; k += 2) {
        const uint8_t *even = value[k], *odd = value[k + 1];
        __m512i a = even ? _mm512_maskz_loadu_epi16(there, even + 2 * column) : _mm512_setzero_si512();
        __m512i b = odd ? _mm512_maskz_loadu_epi16(there, odd + 2 * column) : _mm512_setzero_si512();
        uint8_t *at = to + k / 32 * 2 * MLA_TILE + k / 2 % 16 * 64;
        _mm512_store_si512(at, _mm512_unpacklo_epi16(a, b));
        _mm512_store_si512(at + MLA_TILE, _mm512_unpackhi_epi16(a, b));
    }
}

/* Rows from keys to the next multiple of 32 become zeros. */
static inline void mla_prepare(const struct mla_block *block, struct mla_scratch scratch, struct mla_sources *sources)
{
    const uint8_t *key[MLA_KEYS];
    const uint8_t *rope[MLA_KEYS];
    const uint8_t **value = sources->value;
    uint8_t together[MLA_KEYS]; /* whether a key is in the run of the one before it */
    int64_t padded = (block->keys + 31) / 32 * 32;
    int64_t n = 0;
    memset(sources->missing, 0, sizeof sources->missing);
    sources->any_missing = 0;
    int64_t key_stride = 0, rope_stride = 0;
    int64_t strides_key[MLA_KEYS / 16] = {0}, strides_rope[MLA_KEYS / 16] = {0};
    for (int64_t r = 0; r < block->runs && n < block->keys; r++) {
        const struct mla_run *run = block->run + r;
        key_stride = run->key_stride;
        rope_stride = run->rope_stride;
        for (int64_t i = 0; i < run->rows && n < block->keys; i++, n++) {
            together[n] = i > 0;
            if (n % 16 == 0) {
                strides_key[n / 16] = key_stride;
                strides_rope[n / 16] = rope_stride;
            }
            if (run->key) {
                key[n] = run->key + i * key_stride;
                rope[n] = run->rope + i * rope_stride;
                value[n] = run->value + i * run->value_stride;
            } else {
                key[n] = rope[n] = value[n] = NULL;
                sources->missing[n / 32] |= 1u << n % 32;
                sources->any_missing = 1;
            }
        }
    }
    for (; n < padded; n++) {
        key[n] = rope[n] = value[n] = NULL;
        together[n] = 0;
    }
    int64_t key_bytes = mla_chunks(block->key_dim) * 64;
    int64_t rope_bytes = mla_chunks(block->rope_dim) * 64;
    /* A row more than a multiple of the aliasing distance. */
    int64_t copy_stride = key_bytes + rope_bytes;
    copy_stride += copy_stride % MLA_ALIASED == 0 ? 64 : 0;
    for (int64_t g = 0; g < padded; g += 16) {
        int whole = key[g] != NULL;
        for (int64_t i = 1; i < 16; i++) {
            whole &= key[g + i] != NULL && together[g + i];
        }
        uint8_t *copy = scratch.keys + g * copy_stride;
        if (whole && mla_in_place(block->key_dim, strides_key[g / 16])) {
            sources->key[g / 16] = (struct mla_rows16){key[g], strides_key[g / 16]};
        } else {
            for (int64_t i = 0; i < 16; i++) {
                mla_copy_row(copy + i * copy_stride, key[g + i], block->key_dim);
            }
            sources->key[g / 16] = (struct mla_rows16){copy, copy_stride};
        }
        if (whole && mla_in_place(block->rope_dim, strides_rope[g / 16])) {
            sources->rope[g / 16] = (struct mla_rows16){rope[g], strides_rope[g / 16]};
        } else {
            for (int64_t i = 0; i < 16; i++) {
                mla_copy_row(copy + i * copy_stride + key_bytes, rope[g + i], block->rope_dim);
            }
            sources->rope[g / 16] = (struct mla_rows16){copy + key_bytes, copy_stride};
        }
    }
}

static inline int64_t mla_scratch_size(int64_t key_dim, int64_t rope_dim, int64_t value_dim)
{
    int64_t key_row = (mla_chunks(key_dim) + mla_chunks(rope_dim)) * 64 + 64;
    return MLA_KEYS * 32 * 6 + mla_values_bytes(value_dim) + MLA_KEYS * key_row;
}

#endif
