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
DEVICE bool grouped_tile(const GroupedGemmParams &p, GemmTile *tile) {
    report_once(p);
    if (p.sums_segments) {
        int64_t row_tiles = (p.result_rows + TILE - 1) / TILE;
        Segment segment = segment_of(p.segments, block_y());
        *tile = tile_of_group(p, block_y());
        tile->first_row = block_x() % row_tiles * TILE;
        tile->first_column = block_x() / row_tiles * TILE;
        tile->rows = p.result_rows;
        tile->first_depth = segment.start;
        tile->depth = segment.start + segment.count;
        return !(p.add && segment.count == 0);
    }
    int64_t number = block_x();
    Segment segment = segment_of_tile(p.segments, TILE, &number);
    *tile = tile_of_group(p, segment.group);
    tile->first_row = segment.start + number * TILE;
    tile->first_column = block_y() * TILE;
    tile->rows = segment.start + segment.count;
    return segment.count > 0;
}

KERNEL(grouped_gemm_mma, GroupedGemmParams, MMA_THREADS) {
    GemmTile tile;
    if (grouped_tile(p, &tile)) {
        gemm_tile_mma<false>(p.a, p.b, tile);
    }
}

KERNEL(grouped_gemm_mma_wide, GroupedGemmParams, MMA_THREADS) {
    GemmTile tile;
    if (grouped_tile(p, &tile)) {
        gemm_tile_mma<true>(p.a, p.b, tile);
    }
}

KERNEL(grouped_gemm_fma, GroupedGemmParams, FMA_THREADS) {
    GemmTile tile;
    if (grouped_tile(p, &tile)) {
        gemm_tile_fma(p.a, p.b, tile);
    }
}
