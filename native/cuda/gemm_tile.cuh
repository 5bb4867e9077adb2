// One tile of a product, out = alpha a b^T + beta out, with a [m, k] and b [n, k] however they lie in memory.
//
// Four ways: on the matrix units by asynchronous copies where rows allow them, of 16-bit floats (product_tile.cuh) or with
// codes on one side (codes_tile.cuh); on the matrix units for other 16-bit floats; and by fused multiply-adds in F32 for
// everything else, whose elements become F32 as a tile is loaded. Sums run over k in one order, so a row of the result
// depends on its row of a and on b alone.
#pragma once

#include "codes_tile.cuh"

enum { TILE = 64, MMA_DEPTH = 32, MMA_PITCH = MMA_DEPTH + 8, MMA_THREADS = 128, FMA_DEPTH = 16, FMA_PITCH = TILE + 4, FMA_THREADS = 256 };

struct GemmTile {
    int64_t batch, first_row, first_column;     // where the tile begins
    int64_t rows, columns;                      // where the product ends; what lies beyond is not touched
    int64_t first_depth, depth;                 // the sum runs over k from first_depth to depth - 1
    int64_t out_row_stride, out_batch_stride, out_type;
    void *out;
    float alpha, beta;
};

DEVICE void store_result(const GemmTile &t, int64_t row, int64_t column, float sum) {
    if (row >= t.rows || column >= t.columns) {
        return;
    }
    int64_t at = t.batch * t.out_batch_stride + row * t.out_row_stride + column;
    float value = t.alpha * sum;
    // With beta 0 what out held is not read, so NaN in it does no harm.
    if (t.beta != 0) {
        value += t.beta * load<ANY>(t.out, at, t.out_type);
    }
    store<ANY>(t.out, at, t.out_type, value);
}

// Which element of a 64-row tile a thread's i-th load is: neighbours in memory go to neighbouring threads.
DEVICE void tile_position(int i, int depth, bool along_k, int *row, int *k) {
    *row = along_k ? i / depth : i % TILE;
    *k = along_k ? i % depth : i / TILE;
}

DEVICE void load_half_tile(
    uint16_t *tile, const Matrix &m, const GemmTile &t, int64_t first, int64_t rows, int64_t first_k) {
    bool along_k = m.column_stride == 1;
    for (int i = thread_index(); i < TILE * MMA_DEPTH; i += MMA_THREADS) {
        int row, k;
        tile_position(i, MMA_DEPTH, along_k, &row, &k);
        bool inside = first + row < rows && first_k + k < t.depth;
        int64_t at = (first + row) * m.row_stride + (first_k + k) * m.column_stride;
        tile[row * MMA_PITCH + k] = inside ? ((const uint16_t *)m.values)[at] : (uint16_t)0;
    }
}

// Loops over registers are unrolled, or the compiler would keep the sums in memory.
//
// Four warps, each a quarter of 32x32; the pitch puts the rows of a fragment into different banks.
template <int Type>
DEVICE void gemm_tile_mma(const Matrix &a, const Matrix &b, const GemmTile &t) {
    SHARED(uint4, a_memory, TILE * MMA_PITCH / 8);
    SHARED(uint4, b_memory, TILE * MMA_PITCH / 8);
    uint16_t *a_tile = (uint16_t *)a_memory, *b_tile = (uint16_t *)b_memory;
    int warp = thread_index() / WARP, lane = thread_index() % WARP;
    int top = warp / 2 * 32, left = warp % 2 * 32, g = lane / 4, pair = lane % 4 * 2;
    float sums[2][4][4] = {};
    for (int64_t first_k = t.first_depth; first_k < t.depth; first_k += MMA_DEPTH) {
        sync_block();
        load_half_tile(a_tile, a, t, t.first_row, t.rows, first_k);
        load_half_tile(b_tile, b, t, t.first_column, t.columns, first_k);
        sync_block();
        UNROLL
        for (int k = 0; k < MMA_DEPTH; k += 16) {
            uint32_t a_part[2][4], b_part[4][2];
            UNROLL
            for (int i = 0; i < 2; i++) {
                UNROLL
                for (int r = 0; r < 4; r++) {
                    const uint16_t *at = a_tile + (top + 16 * i + g + r % 2 * 8) * MMA_PITCH + k + pair + r / 2 * 8;
                    a_part[i][r] = *(const uint32_t *)at;
                }
            }
            UNROLL
            for (int j = 0; j < 4; j++) {
                UNROLL
                for (int r = 0; r < 2; r++) {
                    b_part[j][r] = *(const uint32_t *)(b_tile + (left + 8 * j + g) * MMA_PITCH + k + pair + r * 8);
                }
            }
            UNROLL
            for (int i = 0; i < 2; i++) {
                UNROLL
                for (int j = 0; j < 4; j++) {
                    mma<Type>(sums[i][j], a_part[i], b_part[j]);
                }
            }
        }
    }
    UNROLL
    for (int i = 0; i < 2; i++) {
        UNROLL
        for (int j = 0; j < 4; j++) {
            UNROLL
            for (int r = 0; r < 4; r++) {
                store_result(t, t.first_row + top + 16 * i + g + r / 2 * 8, t.first_column + left + 8 * j + pair + r % 2,
                    sums[i][j][r]);
            }
        }
    }
}

DEVICE void load_f32_tile(float *tile, const Matrix &m, const GemmTile &t, int64_t first, int64_t rows, int64_t first_k) {
    bool along_k = m.column_stride == 1;
    for (int i = thread_index(); i < TILE * FMA_DEPTH; i += FMA_THREADS) {
        int row, k;
        tile_position(i, FMA_DEPTH, along_k, &row, &k);
        bool inside = first + row < rows && first_k + k < t.depth;
        tile[k * FMA_PITCH + row] = inside ? element(m, first + row, first_k + k) : 0.0f;
    }
}

// 16x16 threads, each four rows by four columns. Calls store(row, column, sum) for every element of the tile that lies inside.
template <class Store>
DEVICE void fma_sums(const Matrix &a, const Matrix &b, const GemmTile &t, Store store) {
    SHARED(float, a_tile, FMA_DEPTH * FMA_PITCH);
    SHARED(float, b_tile, FMA_DEPTH * FMA_PITCH);
    int top = thread_index() / 16 * 4, left = thread_index() % 16 * 4;
    float sums[4][4] = {};
    for (int64_t first_k = t.first_depth; first_k < t.depth; first_k += FMA_DEPTH) {
        sync_block();
        load_f32_tile(a_tile, a, t, t.first_row, t.rows, first_k);
        load_f32_tile(b_tile, b, t, t.first_column, t.columns, first_k);
        sync_block();
        UNROLL
        for (int k = 0; k < FMA_DEPTH; k++) {
            UNROLL
            for (int i = 0; i < 4; i++) {
                UNROLL
                for (int j = 0; j < 4; j++) {
                    sums[i][j] = fmaf(a_tile[k * FMA_PITCH + top + i], b_tile[k * FMA_PITCH + left + j], sums[i][j]);
                }
            }
        }
    }
    UNROLL
    for (int i = 0; i < 4; i++) {
        UNROLL
        for (int j = 0; j < 4; j++) {
            int64_t row = t.first_row + top + i, column = t.first_column + left + j;
            if (row < t.rows && column < t.columns) {
                store(row, column, sums[i][j]);
            }
        }
    }
}

// On the matrix units by asynchronous copies; the sum runs over all of k.
template <int Type, class Shape, bool Transposed>
DEVICE void gemm_tile_wide(const Matrix &a, const Matrix &b, const GemmTile &t) {
    int64_t b_stride = Transposed ? b.row_stride : b.column_stride;
    Product product = {(const uint16_t *)a.values, (const uint16_t *)b.values, t.rows, t.columns, t.depth, a.row_stride, b_stride};
    product_tile<Type, Shape, Transposed>(product, t.first_row, t.first_column,
        [&](int64_t row, int64_t column, float sum) { store_result(t, row, column, sum); });
}

template <class Shape, bool IsNibble, bool Wide>
DEVICE void gemm_tile_codes(const Matrix &a, const Matrix &b, const GemmTile &t) {
    codes_tile<Shape, IsNibble, Wide>((const uint16_t *)a.values, a.row_stride, b, t.rows, t.columns, t.depth, t.first_row,
        t.first_column, [&](int64_t row, int64_t column, float sum) { store_result(t, row, column, sum); });
}

DEVICE void gemm_tile_fma(const Matrix &a, const Matrix &b, const GemmTile &t) {
    fma_sums(a, b, t, [&](int64_t row, int64_t column, float sum) { store_result(t, row, column, sum); });
}
