/*
 * Fused attention with products of tiles: 2 x 2 sums, so that every tile loaded is multiplied twice.
 */
#include "mla_block.h"
#include "tiles.h"

/* What vector code stored is what tiles load, and the other way round; compilers see neither. */
#define BETWEEN_VECTORS_AND_TILES() stores_before_tiles()

static inline const uint8_t *left(const struct mla_rows16 *key, const struct mla_rows16 *rope, int64_t key_chunks,
                                  int64_t k, int64_t *stride)
{
    const struct mla_rows16 *rows = k < key_chunks ? key : rope;
    *stride = rows->stride;
    return rows->first + 64 * (k < key_chunks ? k : k - key_chunks);
}

static void scores2(const struct mla_product *product, const struct mla_rows16 *key, const struct mla_rows16 *rope,
                    const uint8_t *queries, float *scores, struct mla_fetch *fetch)
{
    BETWEEN_VECTORS_AND_TILES();
    const uint8_t *other = queries + product->group_bytes;
    if (product->from == 0) {
        _tile_zero(0);
        _tile_zero(1);
        _tile_zero(2);
        _tile_zero(3);
    } else {
        _tile_loadd(0, scores, 128);
        _tile_loadd(1, scores + 16, 128);
        _tile_loadd(2, scores + 16 * 32, 128);
        _tile_loadd(3, scores + 16 * 32 + 16, 128);
    }
    for (int64_t k = product->from; k < product->end; k++) {
        int64_t stride;
        const uint8_t *upper = left(key, rope, product->key_chunks, k, &stride);
        _tile_loadd(6, queries + k * MLA_TILE, 64);
        _tile_loadd(4, upper, stride);
        _tile_loadd(7, other + k * MLA_TILE, 64);
        const uint8_t *lower = left(key + 1, rope + 1, product->key_chunks, k, &stride);
        _tile_loadd(5, lower, stride);
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
        mla_fetch_some(fetch);
    }
    _tile_stored(0, scores, 128);
    _tile_stored(1, scores + 16, 128);
    _tile_stored(2, scores + 16 * 32, 128);
    _tile_stored(3, scores + 16 * 32 + 16, 128);
    BETWEEN_VECTORS_AND_TILES();
}

static void scores1(const struct mla_product *product, const struct mla_rows16 *key, const struct mla_rows16 *rope,
                    const uint8_t *queries, float *scores, struct mla_fetch *fetch)
{
    BETWEEN_VECTORS_AND_TILES();
    if (product->from == 0) {
        _tile_zero(0);
        _tile_zero(2);
    } else {
        _tile_loadd(0, scores, 128);
        _tile_loadd(2, scores + 16 * 32, 128);
    }
    for (int64_t k = product->from; k < product->end; k++) {
        int64_t stride;
        const uint8_t *upper = left(key, rope, product->key_chunks, k, &stride);
        _tile_loadd(6, queries + k * MLA_TILE, 64);
        _tile_loadd(4, upper, stride);
        const uint8_t *lower = left(key + 1, rope + 1, product->key_chunks, k, &stride);
        _tile_loadd(5, lower, stride);
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(2, 5, 6);
        mla_fetch_some(fetch);
    }
    _tile_stored(0, scores, 128);
    _tile_stored(2, scores + 16 * 32, 128);
    BETWEEN_VECTORS_AND_TILES();
}

static void values2(const uint8_t *weights, const uint8_t *values, int64_t chunks, int64_t chunk_bytes, float *sums,
                    int64_t stride, int fresh, struct mla_fetch *fetch)
{
    BETWEEN_VECTORS_AND_TILES();
    const uint8_t *other = weights + chunks * MLA_TILE;
    float *lower = mla_row(sums, stride, MLA_LANES);
    if (fresh) {
        _tile_zero(0);
        _tile_zero(1);
        _tile_zero(2);
        _tile_zero(3);
    } else {
        _tile_loadd(0, sums, stride);
        _tile_loadd(1, sums + 16, stride);
        _tile_loadd(2, lower, stride);
        _tile_loadd(3, lower + 16, stride);
    }
    for (int64_t k = 0; k < chunks; k++) {
        _tile_loadd(4, weights, 64);
        _tile_loadd(6, values, 64);
        _tile_loadd(7, values + MLA_TILE, 64);
        _tile_loadd(5, other, 64);
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
        weights += MLA_TILE;
        other += MLA_TILE;
        values += chunk_bytes;
        mla_fetch_some(fetch);
    }
    _tile_stored(0, sums, stride);
    _tile_stored(1, sums + 16, stride);
    _tile_stored(2, lower, stride);
    _tile_stored(3, lower + 16, stride);
    BETWEEN_VECTORS_AND_TILES();
}

static void values1(const uint8_t *weights, const uint8_t *values, int64_t chunks, int64_t chunk_bytes, float *sums,
                    int64_t stride, int fresh, struct mla_fetch *fetch)
{
    BETWEEN_VECTORS_AND_TILES();
    if (fresh) {
        _tile_zero(0);
        _tile_zero(1);
    } else {
        _tile_loadd(0, sums, stride);
        _tile_loadd(1, sums + 16, stride);
    }
    for (int64_t k = 0; k < chunks; k++) {
        _tile_loadd(4, weights, 64);
        _tile_loadd(6, values, 64);
        _tile_loadd(7, values + MLA_TILE, 64);
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
        weights += MLA_TILE;
        values += chunk_bytes;
        mla_fetch_some(fetch);
    }
    _tile_stored(0, sums, stride);
    _tile_stored(1, sums + 16, stride);
    BETWEEN_VECTORS_AND_TILES();
}

/* Lets the lanes of the block see its keys. */
HCPU_EXPORT void hcpu_mla_attend_amx(const struct mla_block *block)
{
    configure_full_tiles();
    mla_attend(block);
    _tile_release();
}
