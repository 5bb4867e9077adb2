// A tile of a product of two matrices of 16-bit floats on the matrix units, a b^T or a b, with sums in F32: tiles along k come
// into shared memory by asynchronous copies, one ahead of the one that is multiplied.
//
// Rows begin at multiples of 16 bytes. Beyond the ends of the matrices everything is 0, whatever memory holds there.
#pragma once

#include "mma.cuh"

enum { PRODUCT_DEPTH = 32, PRODUCT_STAGES = 2 };

// How a block is cut: warps below and beside one another, and what each has in fragments of 16 rows and 8 columns.
template <int RowWarps, int ColumnWarps, int RowParts, int ColumnParts>
struct BlockShape {
    static constexpr int row_warps = RowWarps, column_warps = ColumnWarps, row_parts = RowParts, column_parts = ColumnParts;
    static constexpr int rows = RowWarps * RowParts * 16, columns = ColumnWarps * ColumnParts * 8;
    static constexpr int threads = RowWarps * ColumnWarps * WARP;
};

typedef BlockShape<2, 4, 4, 4> LargeBlock;      // 128x128, 256 threads
typedef BlockShape<2, 2, 2, 4> SmallBlock;      // 64x64, 128 threads

// a is [rows, depth]; b is [columns, depth], or [depth, columns] if the product is a b. Strides are multiples of 8.
struct Product {
    const uint16_t *a, *b;
    int64_t rows, columns, depth, a_stride, b_stride;
};

// Pitches of tiles in shared memory, in elements: rows begin at multiples of 16 bytes, and the eight rows that are read at
// once lie in different banks.
DEVICE constexpr int pitch_of(int width) { return width + 8; }

// Copies rows by `width` elements of a matrix, eight at a time, neighbours by neighbouring threads.
template <int Threads, int Rows, int Width>
DEVICE void fetch_tile(
    uint16_t *tile, const uint16_t *from, int64_t stride, int64_t first_row, int64_t rows, int64_t first_column, int64_t columns) {
    constexpr int across = Width / 8, each = Rows * across / Threads;
    static_assert(Rows * across % Threads == 0, "every thread copies the same number of times");
    UNROLL
    for (int i = 0; i < each; i++) {
        int number = i * Threads + thread_index(), row = number / across, column = number % across * 8;
        int64_t left = first_row + row < rows ? columns - first_column - column : 0;
        int bytes = left >= 8 ? 16 : left <= 0 ? 0 : (int)left * 2;
        const uint16_t *at = bytes > 0 ? from + (first_row + row) * stride + first_column + column : from;
        copy_async(tile + row * pitch_of(Width) + column, at, bytes);
    }
}

// Calls store(row, column, sum, next sum) for every pair of columns of the tile at (first_row, first_column) whose row and
// column lie inside; whether the next column does, the callee asks.
template <int Type, class Shape, bool Transposed, class Store>
DEVICE void product_tile(const Product &p, int64_t first_row, int64_t first_column, Store store) {
    constexpr int a_size = Shape::rows * pitch_of(PRODUCT_DEPTH);
    constexpr int b_rows = Transposed ? Shape::columns : PRODUCT_DEPTH, b_width = Transposed ? PRODUCT_DEPTH : Shape::columns;
    constexpr int b_size = b_rows * pitch_of(b_width);
    SHARED(uint4, memory, PRODUCT_STAGES * (a_size + b_size) / 8);
    uint16_t *tiles = (uint16_t *)memory;
    int warp = thread_index() / WARP, lane = thread_index() % WARP;
    int top = warp / Shape::column_warps * Shape::row_parts * 16, left = warp % Shape::column_warps * Shape::column_parts * 8;
    // A warp whose part lies outside copies with the others and multiplies nothing.
    bool has_part = first_row + top < p.rows && first_column + left < p.columns;
    float sums[Shape::row_parts][Shape::column_parts][4] = {};
    auto fetch = [&](int64_t step) {
        uint16_t *a = tiles + step % PRODUCT_STAGES * (a_size + b_size), *b = a + a_size;
        int64_t k = step * PRODUCT_DEPTH;
        fetch_tile<Shape::threads, Shape::rows, PRODUCT_DEPTH>(a, p.a, p.a_stride, first_row, p.rows, k, p.depth);
        if (Transposed) {
            fetch_tile<Shape::threads, b_rows, b_width>(b, p.b, p.b_stride, first_column, p.columns, k, p.depth);
        } else {
            fetch_tile<Shape::threads, b_rows, b_width>(b, p.b, p.b_stride, k, p.depth, first_column, p.columns);
        }
    };
    int64_t steps = (p.depth + PRODUCT_DEPTH - 1) / PRODUCT_DEPTH;
    fetch(0);
    commit_copies();
    for (int64_t step = 0; step < steps; step++) {
        if (step + 1 < steps) {
            fetch(step + 1);
        }
        commit_copies();
        wait_for_copies<1>();
        sync_block();
        const uint16_t *a = tiles + step % PRODUCT_STAGES * (a_size + b_size), *b = a + a_size;
        UNROLL
        for (int k = 0; has_part && k < PRODUCT_DEPTH; k += 16) {
            uint32_t a_part[Shape::row_parts][4], b_part[Shape::column_parts][2];
            UNROLL
            for (int i = 0; i < Shape::row_parts; i++) {
                load_matrices<false>(
                    a_part[i], a + (top + 16 * i + lane % 16) * pitch_of(PRODUCT_DEPTH) + k + lane / 16 * 8);
            }
            UNROLL
            for (int j = 0; j < Shape::column_parts; j += 2) {
                uint32_t both[4];
                if (Transposed) {
                    load_matrices<false>(
                        both, b + (left + 8 * j + lane % 8 + lane / 16 * 8) * pitch_of(b_width) + k + lane / 8 % 2 * 8);
                } else {
                    load_matrices<true>(both, b + (k + lane % 16) * pitch_of(b_width) + left + 8 * j + lane / 16 * 8);
                }
                UNROLL
                for (int half = 0; half < 2; half++) {
                    b_part[j + half][0] = both[2 * half];
                    b_part[j + half][1] = both[2 * half + 1];
                }
            }
            UNROLL
            for (int i = 0; i < Shape::row_parts; i++) {
                UNROLL
                for (int j = 0; j < Shape::column_parts; j++) {
                    mma<Type>(sums[i][j], a_part[i], b_part[j]);
                }
            }
        }
        sync_block();
    }
    UNROLL
    for (int i = 0; i < Shape::row_parts; i++) {
        UNROLL
        for (int j = 0; j < Shape::column_parts; j++) {
            UNROLL
            for (int r = 0; r < 4; r += 2) {
                int64_t row = first_row + top + 16 * i + lane / 4 + r * 4;
                int64_t column = first_column + left + 8 * j + lane % 4 * 2;
                if (row < p.rows && column < p.columns) {
                    store(row, column, sums[i][j][r], sums[i][j][r + 1]);
                }
            }
        }
    }
}
