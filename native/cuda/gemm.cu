// Gemm: out = alpha op(a) op(b) + beta out, a block a tile, the batch in the second dimension of the grid. Tiles
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

DEVICE bool gemm_tile(const GemmParams &p, int height, int width, GemmTile *tile) {
    // Tiles of one column of tiles follow one another, so that they share their part of b in the cache.
    int64_t row_tiles = (p.rows + height - 1) / height;
    int64_t first_row = block_x() % row_tiles * height;
    int64_t live = live_rows(p.rows, p.active_rows);
    *tile = {block_y(), first_row, block_x() / row_tiles * width, live, p.columns, 0, p.depth,
             p.out_row_stride, p.out_batch_stride, p.out_type, p.out, (float)p.alpha, (float)p.beta};
    return first_row < live;
}

KERNEL(gemm_fma, GemmParams, FMA_THREADS) {
    GemmTile tile;
    if (gemm_tile(p, TILE, TILE, &tile)) {
        gemm_tile_fma(matrix_of(p.a, tile.batch), matrix_of(p.b, tile.batch), tile);
    }
}

#define GEMM_MMA(name, type)                                                                          \
    KERNEL(name, GemmParams, MMA_THREADS) {                                                           \
        GemmTile tile;                                                                                \
        if (gemm_tile(p, TILE, TILE, &tile)) {                                                        \
            gemm_tile_mma<type>(matrix_of(p.a, tile.batch), matrix_of(p.b, tile.batch), tile);        \
        }                                                                                             \
    }

GEMM_MMA(gemm_bf16, BF16)
GEMM_MMA(gemm_f16, F16)

#define GEMM_WIDE(name, type, Shape, transposed)                                                      \
    KERNEL(name, GemmParams, Shape::threads) {                                                        \
        GemmTile tile;                                                                                \
        if (gemm_tile(p, Shape::rows, Shape::columns, &tile)) {                                       \
            gemm_tile_wide<type, Shape, transposed>(                                                  \
                matrix_of(p.a, tile.batch), matrix_of(p.b, tile.batch), tile);                        \
        }                                                                                             \
    }

GEMM_WIDE(gemm_bf16_large_nt, BF16, LargeBlock, true)
GEMM_WIDE(gemm_bf16_small_nt, BF16, SmallBlock, true)
GEMM_WIDE(gemm_bf16_flat_nt, BF16, FlatBlock, true)
GEMM_WIDE(gemm_bf16_large_nn, BF16, LargeBlock, false)
GEMM_WIDE(gemm_bf16_small_nn, BF16, SmallBlock, false)
GEMM_WIDE(gemm_bf16_flat_nn, BF16, FlatBlock, false)

#define GEMM_CODES(name, Shape, is_nibble, wide)                                                       \
    KERNEL(name, GemmParams, Shape::threads) {                                                        \
        GemmTile tile;                                                                                \
        if (gemm_tile(p, Shape::rows, Shape::columns, &tile)) {                                       \
            gemm_tile_codes<Shape, is_nibble, wide>(matrix_of(p.a, tile.batch), matrix_of(p.b, tile.batch), tile); \
        }                                                                                             \
    }

GEMM_CODES(gemm_bytes_small, SmallCodesBlock, false, true)
GEMM_CODES(gemm_bytes_flat, FlatBlock, false, true)
GEMM_CODES(gemm_bytes_plain, SmallCodesBlock, false, false)
GEMM_CODES(gemm_nibbles_small, SmallCodesBlock, true, true)
GEMM_CODES(gemm_nibbles_flat, FlatBlock, true, true)
GEMM_CODES(gemm_nibbles_plain, SmallCodesBlock, true, false)
