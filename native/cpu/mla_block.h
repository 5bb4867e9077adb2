/*
 * Attention of a block of keys, two groups of 16 lanes at a time: scores, softmax, weighted values. The scores of two
 * groups fit the first-level cache; nobody else ever sees them.
 *
 * The kernels of each instruction set include this after defining the products:
 *
 *   scores2, scores1   F32 scores [32 keys][32] of two groups, or of one, with the queries of that group
 *   values2, values1   the sums of 32 columns of two groups, or of one, plus weights times values
 *
 * Each step of theirs is followed by fetching a little of the next block.
 */
#ifndef HCPU_MLA_BLOCK_H
#define HCPU_MLA_BLOCK_H

#include "mla_fetch.h"
#include "mla_rows.h"
#include "mla_softmax.h"

/*
 * Up to so many groups have values interleaved two tiles of columns at a time: the first-level cache holds those until
 * they are multiplied, which saves a way to the second one and back that few lanes do not pay for.
 */
#define MLA_FEW_GROUPS 2

/* Chunks of the queries of two groups that stay in the first-level cache beside the keys that pass through it. */
#define MLA_SPAN 9

struct mla_product {
    int64_t key_chunks;
    int64_t rope_chunks;
    int64_t group_bytes; /* of the packed queries of a group */
    int64_t from;        /* chunks that a call sums over; the first call overwrites, the others add */
    int64_t end;
};

static void scores2(const struct mla_product *product, const struct mla_rows16 *key, const struct mla_rows16 *rope,
                    const uint8_t *queries, float *scores, struct mla_fetch *fetch);
static void scores1(const struct mla_product *product, const struct mla_rows16 *key, const struct mla_rows16 *rope,
                    const uint8_t *queries, float *scores, struct mla_fetch *fetch);
static void values2(const uint8_t *weights, const uint8_t *values, int64_t chunks, int64_t chunk_bytes, float *sums,
                    int64_t stride, int fresh, struct mla_fetch *fetch);
static void values1(const uint8_t *weights, const uint8_t *values, int64_t chunks, int64_t chunk_bytes, float *sums,
                    int64_t stride, int fresh, struct mla_fetch *fetch);

static inline float *mla_row(float *sums, int64_t stride, int64_t lane)
{
    return (float *)((uint8_t *)sums + lane * stride);
}

static inline void mla_scale_row(float *row, float factor, int64_t columns)
{
    __m512 by = _mm512_set1_ps(factor);
    for (int64_t c = 0; c < columns; c += 16) {
        _mm512_storeu_ps(row + c, _mm512_mul_ps(by, _mm512_loadu_ps(row + c)));
    }
}

static inline void mla_clear_row(float *row, int64_t columns)
{
    for (int64_t c = 0; c < columns; c += 16) {
        _mm512_storeu_ps(row + c, _mm512_setzero_ps());
    }
}

struct mla_view {
    __m512i visible;
    int32_t all;
    int32_t most;
};

static inline struct mla_view mla_view_of(const struct mla_block *block, int64_t group)
{
    __m512i keys = _mm512_set1_epi32((int)block->keys);
    struct mla_view view = {keys, (int32_t)block->keys, (int32_t)block->keys};
    if (block->visible) {
        view.visible = _mm512_min_epi32(keys, _mm512_loadu_si512(block->visible + group * MLA_LANES));
        view.all = _mm512_reduce_min_epi32(view.visible);
        view.most = _mm512_reduce_max_epi32(view.visible);
        view.all = view.all < 0 ? 0 : view.all;
    }
    return view;
}

static void mla_soften(const struct mla_block *block, struct mla_scratch scratch, const struct mla_sources *sources,
                       int64_t first, int64_t group, struct mla_view view, int64_t chunks)
{
    float correction[MLA_LANES];
    int64_t lane = group * MLA_LANES;
    struct mla_lanes lanes = {
        .scores = scratch.scores + (group - first) * MLA_LANES,
        .chunks = chunks,
        .visible = view.visible,
        .all_see = view.all,
        .missing = sources->any_missing ? sources->missing : NULL,
        .reference = block->reference + lane,
        .sum = block->sum + lane,
        .max = block->max + lane,
        .weights = scratch.weights + (group - first) * chunks * MLA_TILE,
    };
    uint32_t moved = mla_softmax(lanes, (float)block->scale, correction);
    for (; moved && !block->fresh; moved &= moved - 1) {
        int i = __builtin_ctz(moved);
        mla_scale_row(mla_row(block->sums, block->sums_stride, lane + i), correction[i],
                      mla_chunks(block->value_dim) * 32);
    }
}

static inline void mla_attend(const struct mla_block *block)
{
    struct mla_scratch scratch = mla_scratch_of(block);
    struct mla_sources sources;
    mla_prepare(block, scratch, &sources);
    struct mla_fetch fetch = mla_fetch_of(block);
    struct mla_product product = {mla_chunks(block->key_dim), mla_chunks(block->rope_dim), 0, 0, 0};
    product.group_bytes = (product.key_chunks + product.rope_chunks) * MLA_TILE;
    int64_t value_chunks = mla_chunks(block->value_dim);
    int shared = block->groups > MLA_FEW_GROUPS;
    if (shared) {
        mla_interleave_rows(scratch.values, sources.value, (block->keys + 31) / 32, block->value_dim);
    }
    int64_t chunk_bytes = (shared ? value_chunks : 1) * 2 * MLA_TILE;
    for (int64_t group = 0; group < block->groups; group += 2) {
        int two = group + 1 < block->groups;
        struct mla_view a = mla_view_of(block, group);
        struct mla_view b = two ? mla_view_of(block, group + 1) : a;
        int32_t most = a.most > b.most ? a.most : b.most;
        int64_t chunks = most <= 0 ? 0 : (most + 31) / 32;
        if (chunks == 0) {
            for (int64_t i = 0; block->fresh && i < (two + 1) * MLA_LANES; i++) {
                mla_clear_row(mla_row(block->sums, block->sums_stride, group * MLA_LANES + i), value_chunks * 32);
            }
            continue;
        }
        const uint8_t *queries = block->queries + group * product.group_bytes;
        int64_t all = product.key_chunks + product.rope_chunks;
        for (product.from = 0; product.from < all; product.from = product.end) {
            product.end = product.from + MLA_SPAN < all ? product.from + MLA_SPAN : all;
            for (int64_t c = 0; c < chunks; c++) {
                float *scores = scratch.scores + c * 32 * 32;
                if (two) {
                    scores2(&product, sources.key + 2 * c, sources.rope + 2 * c, queries, scores, &fetch);
                } else {
                    scores1(&product, sources.key + 2 * c, sources.rope + 2 * c, queries, scores, &fetch);
                }
            }
        }
        mla_soften(block, scratch, &sources, group, group, a, chunks);
        if (two) {
            mla_soften(block, scratch, &sources, group, group + 1, b, chunks);
        }
        float *sums = mla_row(block->sums, block->sums_stride, group * MLA_LANES);
        for (int64_t d = 0; d < value_chunks; d++) {
            const uint8_t *values = scratch.values + (shared ? d * 2 * MLA_TILE : 0);
            if (!shared) {
                mla_interleave_columns(scratch.values, sources.value, chunks, d * 32, block->value_dim);
            }
            if (two) {
                values2(scratch.weights, values, chunks, chunk_bytes, sums + d * 32,
                        block->sums_stride, (int)block->fresh, &fetch);
            } else {
                values1(scratch.weights, values, chunks, chunk_bytes, sums + d * 32,
                        block->sums_stride, (int)block->fresh, &fetch);
            }
        }
    }
}

#endif
