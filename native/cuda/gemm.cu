// Gemm: out = alpha op(a) op(b) + beta out, a block a tile of 64x64, the batch in the second dimension of the grid. Tiles
// beyond the live rows end at once.
#include "gemm_tile.cuh"

struct GemmParams {
    int64_t words;
    Matrix a, b;
    void *out;
    const int32_t *active_rows;
    int64_t out_type, out_row_stride, out_batch_stride, rows, columns, depth;
    double alpha, beta;
};

DEVICE bool gemm_tile(const GemmParams &p, GemmTile *tile) {
    // Tiles of one column of tiles follow one another, so that they share their part of b in the cache.
    int64_t row_tiles = (p.rows + TILE - 1) / TILE;
    int64_t first_row = block_x() % row_tiles * TILE;
    int64_t live = live_rows(p.rows, p.active_rows);
    *tile = {block_y(), first_row, block_x() / row_tiles * TILE, live, p.columns, 0, p.depth,
             p.out_row_stride, p.out_batch_stride, p.out_type, p.out, (float)p.alpha, (float)p.beta};
    return first_row < live;
}

KERNEL(gemm_mma, GemmParams, MMA_THREADS) {
    GemmTile tile;
    if (gemm_tile(p, &tile)) {
        gemm_tile_mma<false>(p.a, p.b, tile);
    }
}

KERNEL(gemm_mma_wide, GemmParams, MMA_THREADS) {
    GemmTile tile;
    if (gemm_tile(p, &tile)) {
        gemm_tile_mma<true>(p.a, p.b, tile);
    }
}

KERNEL(gemm_fma, GemmParams, FMA_THREADS) {
    GemmTile tile;
    if (gemm_tile(p, &tile)) {
        gemm_tile_fma(p.a, p.b, tile);
    }
}
