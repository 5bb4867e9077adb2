// GroupedGemm: products over segments of rows, without a word from the host. Over rows (contiguous and masked) every block
// asks the scheduler which tile is its own; over sums (k-grouped) every group has all tiles of its result.
#include "gemm_tile.cuh"
#include "segments.cuh"

struct GroupedGemmParams {
    int64_t words;
    Matrix a, b;
    void *out;
    Segments segments;
    Faults *faults;
    int64_t out_type, out_row_stride, out_batch_stride, columns, depth, sums_segments, result_rows, add;
};

DEVICE void report_once(const GroupedGemmParams &p) {
    if (block_x() == 0 && block_y() == 0 && thread_index() == 0) {
        report_bad_segments(p.segments, p.faults);
    }
}

// Fills in what is the same for every tile of a group.
DEVICE GemmTile tile_of_group(const GroupedGemmParams &p, int64_t group) {
    GemmTile tile = {};
    tile.batch = group;
    tile.columns = p.columns;
    tile.depth = p.depth;
    tile.out = p.out;
    tile.out_type = p.out_type;
    tile.out_row_stride = p.out_row_stride;
    tile.out_batch_stride = p.out_batch_stride;
    tile.alpha = 1;
    tile.beta = p.add ? 1.0f : 0.0f;
    return tile;
}

// Whether this block has a tile, and which.
DEVICE bool grouped_tile(const GroupedGemmParams &p, int height, int width, GemmTile *tile) {
    report_once(p);
    if (p.sums_segments) {
        int64_t row_tiles = (p.result_rows + height - 1) / height;
        Segment segment = segment_of(p.segments, block_y());
        *tile = tile_of_group(p, block_y());
        tile->first_row = block_x() % row_tiles * height;
        tile->first_column = block_x() / row_tiles * width;
        tile->rows = p.result_rows;
        tile->first_depth = segment.start;
        tile->depth = segment.start + segment.count;
        return !(p.add && segment.count == 0);
    }
    int64_t number = block_x();
    Segment segment = segment_of_tile(p.segments, height, &number);
    *tile = tile_of_group(p, segment.group);
    tile->first_row = segment.start + number * height;
    tile->first_column = block_y() * width;
    tile->rows = segment.start + segment.count;
    return segment.count > 0;
}

KERNEL(grouped_gemm_fma, GroupedGemmParams, FMA_THREADS) {
    GemmTile tile;
    if (grouped_tile(p, TILE, TILE, &tile)) {
        gemm_tile_fma(matrix_of(p.a, tile.batch), matrix_of(p.b, tile.batch), tile);
    }
}

#define GROUPED_GEMM_MMA(name, type)                                                                  \
    KERNEL(name, GroupedGemmParams, MMA_THREADS) {                                                    \
        GemmTile tile;                                                                                \
        if (grouped_tile(p, TILE, TILE, &tile)) {                                                     \
            gemm_tile_mma<type>(matrix_of(p.a, tile.batch), matrix_of(p.b, tile.batch), tile);        \
        }                                                                                             \
    }

GROUPED_GEMM_MMA(grouped_gemm_bf16, BF16)
GROUPED_GEMM_MMA(grouped_gemm_f16, F16)

#define GROUPED_GEMM_WIDE(name, type, Shape)                                                          \
    KERNEL(name, GroupedGemmParams, Shape::threads) {                                                 \
        GemmTile tile;                                                                                \
        if (grouped_tile(p, Shape::rows, Shape::columns, &tile)) {                                    \
            gemm_tile_wide<type, Shape, true>(matrix_of(p.a, tile.batch), matrix_of(p.b, tile.batch), tile); \
        }                                                                                             \
    }

GROUPED_GEMM_WIDE(grouped_gemm_bf16_large_nt, BF16, LargeBlock)
GROUPED_GEMM_WIDE(grouped_gemm_bf16_small_nt, BF16, SmallBlock)
GROUPED_GEMM_WIDE(grouped_gemm_bf16_flat_nt, BF16, FlatBlock)

#define GROUPED_GEMM_CODES(name, Shape, is_nibble, wide)                                               \
    KERNEL(name, GroupedGemmParams, Shape::threads) {                                                 \
        GemmTile tile;                                                                                \
        if (grouped_tile(p, Shape::rows, Shape::columns, &tile)) {                                    \
            gemm_tile_codes<Shape, is_nibble, wide>(matrix_of(p.a, tile.batch), matrix_of(p.b, tile.batch), tile); \
        }                                                                                             \
    }

GROUPED_GEMM_CODES(grouped_gemm_bytes_small, SmallCodesBlock, false, true)
GROUPED_GEMM_CODES(grouped_gemm_bytes_flat, FlatBlock, false, true)
GROUPED_GEMM_CODES(grouped_gemm_bytes_plain, SmallCodesBlock, false, false)
GROUPED_GEMM_CODES(grouped_gemm_nibbles_small, SmallCodesBlock, true, true)
GROUPED_GEMM_CODES(grouped_gemm_nibbles_flat, FlatBlock, true, true)
GROUPED_GEMM_CODES(grouped_gemm_nibbles_plain, SmallCodesBlock, true, false)
