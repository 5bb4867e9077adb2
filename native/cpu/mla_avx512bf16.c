/*
 * Fused attention with vdpbf16ps: 8 rows by 2 vectors of sums, the left sides broadcast pair by pair.
 */
#include "mla_block.h"

static inline __m512bh pair_of(const uint8_t *at)
{
    int32_t pair;
    memcpy(&pair, at, sizeof pair);
    return (__m512bh)_mm512_set1_epi32(pair);
}

static inline __m512bh pairs_of(const uint8_t *at)
{
    return (__m512bh)_mm512_load_si512(at);
}

/* sums += left[8 rows][pairs] right[pairs][2 vectors], for one chunk. */
#define ROWS 8
static inline __attribute__((always_inline)) void multiply(__m512 sums[ROWS][2], const uint8_t *left, int64_t stride,
                                                           const uint8_t *right, const uint8_t *other)
{
    for (int pair = 0; pair < 16; pair++) {
        __m512bh x = pairs_of(right + 64 * pair);
        __m512bh y = pairs_of(other + 64 * pair);
#pragma GCC unroll 8
        for (int i = 0; i < ROWS; i++) {
            __m512bh a = pair_of(left + i * stride + 4 * pair);
            sums[i][0] = _mm512_dpbf16_ps(sums[i][0], x, a);
            sums[i][1] = _mm512_dpbf16_ps(sums[i][1], y, a);
        }
    }
}

/* Two groups side by side, or the same one twice. */
static inline __attribute__((always_inline)) void score(const struct mla_product *product,
                                                        const struct mla_rows16 *key, const struct mla_rows16 *rope,
                                                        const uint8_t *queries, const uint8_t *other, float *scores,
                                                        struct mla_fetch *fetch)
{
    for (int64_t row = 0; row < 32; row += ROWS) {
        __m512 sums[ROWS][2];
#pragma GCC unroll 8
        for (int i = 0; i < ROWS; i++) {
            const float *before = scores + (row + i) * 32;
            sums[i][0] = product->from ? _mm512_load_ps(before) : _mm512_setzero_ps();
            sums[i][1] = product->from ? _mm512_load_ps(before + 16) : _mm512_setzero_ps();
        }
        for (int64_t k = product->from; k < product->end; k++) {
            int in_key = k < product->key_chunks;
            const struct mla_rows16 *rows = (in_key ? key : rope) + row / 16;
            const uint8_t *left = rows->first + row % 16 * rows->stride + 64 * (in_key ? k : k - product->key_chunks);
            multiply(sums, left, rows->stride, queries + k * MLA_TILE, other + k * MLA_TILE);
            if (row == 0) {
                mla_fetch_some(fetch);
            }
        }
#pragma GCC unroll 8
        for (int i = 0; i < ROWS; i++) {
            _mm512_store_ps(scores + (row + i) * 32, sums[i][0]);
            _mm512_store_ps(scores + (row + i) * 32 + 16, sums[i][1]);
        }
    }
}

static void scores2(const struct mla_product *product, const struct mla_rows16 *key, const struct mla_rows16 *rope,
                    const uint8_t *queries, float *scores, struct mla_fetch *fetch)
{
    score(product, key, rope, queries, queries + product->group_bytes, scores, fetch);
}

static void scores1(const struct mla_product *product, const struct mla_rows16 *key, const struct mla_rows16 *rope,
                    const uint8_t *queries, float *scores, struct mla_fetch *fetch)
{
    /* 16 rows by one vector would need as many loads and have no second use for them. */
    score(product, key, rope, queries, queries, scores, fetch);
}

static inline __attribute__((always_inline)) void weigh(const uint8_t *weights, const uint8_t *values, int64_t chunks,
                                                        int64_t chunk_bytes, float *sums, int64_t stride, int fresh,
                                                        struct mla_fetch *fetch)
{
    for (int64_t lane = 0; lane < MLA_LANES; lane += ROWS) {
        __m512 total[ROWS][2];
#pragma GCC unroll 8
        for (int i = 0; i < ROWS; i++) {
            float *row = mla_row(sums, stride, lane + i);
            total[i][0] = fresh ? _mm512_setzero_ps() : _mm512_loadu_ps(row);
            total[i][1] = fresh ? _mm512_setzero_ps() : _mm512_loadu_ps(row + 16);
        }
        for (int64_t k = 0; k < chunks; k++) {
            const uint8_t *value = values + k * chunk_bytes;
            multiply(total, weights + k * MLA_TILE + lane * 64, 64, value, value + MLA_TILE);
            if (lane == 0) {
                mla_fetch_some(fetch);
            }
        }
#pragma GCC unroll 8
        for (int i = 0; i < ROWS; i++) {
            float *row = mla_row(sums, stride, lane + i);
            _mm512_storeu_ps(row, total[i][0]);
            _mm512_storeu_ps(row + 16, total[i][1]);
        }
    }
}

static void values2(const uint8_t *weights, const uint8_t *values, int64_t chunks, int64_t chunk_bytes, float *sums,
                    int64_t stride, int fresh, struct mla_fetch *fetch)
{
    struct mla_fetch none = {0};
    weigh(weights, values, chunks, chunk_bytes, sums, stride, fresh, fetch);
    weigh(weights + chunks * MLA_TILE, values, chunks, chunk_bytes, mla_row(sums, stride, MLA_LANES), stride, fresh,
          &none);
}

static void values1(const uint8_t *weights, const uint8_t *values, int64_t chunks, int64_t chunk_bytes, float *sums,
                    int64_t stride, int fresh, struct mla_fetch *fetch)
{
    weigh(weights, values, chunks, chunk_bytes, sums, stride, fresh, fetch);
}

/* Lets the lanes of the block see its keys. */
HCPU_EXPORT void hcpu_mla_attend_avx512bf16(const struct mla_block *block)
{
    mla_attend(block);
}

/* Bytes of scratch memory that a call needs. */
HCPU_EXPORT int64_t hcpu_mla_scratch_bytes(int64_t key_dim, int64_t rope_dim, int64_t value_dim)
{
    return mla_scratch_size(key_dim, rope_dim, value_dim);
}
