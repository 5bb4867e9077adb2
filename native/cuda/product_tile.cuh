// A tile of a product of two matrices of 16-bit floats on the matrix units, a b^T or a b, with sums in F32: tiles along k come
// into shared memory by asynchronous copies, some ahead of the one that is multiplied.
//
// Rows begin at multiples of 16 bytes. Beyond the ends of the matrices everything is 0, whatever memory holds there. The sum
// of an element runs over k in steps of 16 whatever the shape of the block, so it does not depend on how many rows there are.
#pragma once

#include "mma.cuh"

// How a block is cut: warps below and beside one another, what each has in fragments of 16 rows and 8 columns, how deep a
// step along k is, and how many steps there is room for.
template <int RowWarps, int ColumnWarps, int RowParts, int ColumnParts, int Depth, int Stages>
struct BlockShape {
    static constexpr int row_warps = RowWarps, column_warps = ColumnWarps, row_parts = RowParts, column_parts = ColumnParts;
    static constexpr int depth = Depth, stages = Stages;
    static constexpr int rows = RowWarps * RowParts * 16, columns = ColumnWarps * ColumnParts * 8;
    static constexpr int warp_columns = ColumnParts * 8;
    static constexpr int threads = RowWarps * ColumnWarps * WARP;
};

typedef BlockShape<2, 4, 4, 4, 32, 2> LargeBlock;       // 128x128, 256 threads
typedef BlockShape<2, 2, 2, 4, 32, 4> SmallBlock;       // 64x64, 128 threads
typedef BlockShape<1, 4, 1, 2, 64, 4> FlatBlock;        // 16x64, 128 threads: few rows, so weights are what has to come fast
typedef BlockShape<2, 2, 2, 4, 64, 2> SmallCodesBlock;  // 64x64, 128 threads, as deep as a row of 4-bit codes fills two copies

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

// Where a warp's part of the tile is.
template <class Shape>
struct WarpPlace {
    int warp, lane, top, left;
};

template <class Shape>
DEVICE WarpPlace<Shape> warp_place() {
    int warp = thread_index() / WARP;
    return {warp, thread_index() % WARP, warp / Shape::column_warps * Shape::row_parts * 16,
            warp % Shape::column_warps * Shape::warp_columns};
}

template <class Shape>
struct Sums {
    float of[Shape::row_parts][Shape::column_parts][4];
};

// Adds 16 products of each element, from element k of the tiles on. Transposed: b's tile is [columns, depth].
template <int Type, class Shape, bool Transposed>
DEVICE void multiply_sixteen(
    Sums<Shape> &sums, const uint16_t *a, int a_pitch, const uint16_t *b, int b_pitch, int k, const WarpPlace<Shape> &place) {
    int lane = place.lane;
    uint32_t a_part[Shape::row_parts][4], b_part[Shape::column_parts][2];
    UNROLL
    for (int i = 0; i < Shape::row_parts; i++) {
        load_matrices<false>(a_part[i], a + (place.top + 16 * i + lane % 16) * a_pitch + k + lane / 16 * 8);
    }
    UNROLL
    for (int j = 0; j < Shape::column_parts; j += 2) {
        uint32_t both[4];
        if (Transposed) {
            load_matrices<false>(
                both, b + (place.left + 8 * j + lane % 8 + lane / 16 * 8) * b_pitch + k + lane / 8 % 2 * 8);
        } else {
            load_matrices<true>(both, b + (k + lane % 16) * b_pitch + place.left + 8 * j + lane / 16 * 8);
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
            mma<Type>(sums.of[i][j], a_part[i], b_part[j]);
        }
    }
}

template <class Shape>
DEVICE constexpr int sums_bytes() { return Shape::threads / WARP * 16 * (Shape::warp_columns + 8) * 4; }

// Calls store(row, column, sum) for every element of the tile that lies inside, neighbours of a row by neighbouring threads:
// each warp turns its fragments in a part of `memory` that is its own, 16 rows at a time.
template <class Shape, class Store>
DEVICE void store_sums(
    float *memory, const Sums<Shape> &sums, int64_t first_row, int64_t first_column, int64_t rows, int64_t columns,
    Store store) {
    constexpr int pitch = Shape::warp_columns + 8;
    WarpPlace<Shape> place = warp_place<Shape>();
    float *own = memory + place.warp * 16 * pitch;
    int g = place.lane / 4, pair = place.lane % 4 * 2;
    UNROLL
    for (int i = 0; i < Shape::row_parts; i++) {
        sync_warp();
        UNROLL
        for (int j = 0; j < Shape::column_parts; j++) {
            UNROLL
            for (int r = 0; r < 4; r++) {
                own[(g + r / 2 * 8) * pitch + 8 * j + pair + r % 2] = sums.of[i][j][r];
            }
        }
        sync_warp();
        for (int e = place.lane; e < 16 * Shape::warp_columns; e += WARP) {
            int r = e / Shape::warp_columns, c = e % Shape::warp_columns;
            int64_t row = first_row + place.top + 16 * i + r, column = first_column + place.left + c;
            if (row < rows && column < columns) {
                store(row, column, own[r * pitch + c]);
            }
        }
    }
}

// The tile at (first_row, first_column), given to `store` as above.
template <int Type, class Shape, bool Transposed, class Store>
DEVICE void product_tile(const Product &p, int64_t first_row, int64_t first_column, Store store) {
    constexpr int a_pitch = pitch_of(Shape::depth), a_size = Shape::rows * a_pitch;
    constexpr int b_rows = Transposed ? Shape::columns : Shape::depth, b_width = Transposed ? Shape::depth : Shape::columns;
    constexpr int b_pitch = pitch_of(b_width), b_size = b_rows * b_pitch;
    static_assert(Shape::stages * (a_size + b_size) * 2 >= sums_bytes<Shape>(), "there is room to turn fragments in");
    SHARED(uint4, memory, Shape::stages * (a_size + b_size) / 8);
    uint16_t *tiles = (uint16_t *)memory;
    WarpPlace<Shape> place = warp_place<Shape>();
    // A warp whose part lies outside copies with the others and multiplies nothing.
    bool has_part = first_row + place.top < p.rows && first_column + place.left < p.columns;
    Sums<Shape> sums = {};
    int64_t steps = (p.depth + Shape::depth - 1) / Shape::depth;
    auto fetch = [&](int64_t step) {
        uint16_t *a = tiles + step % Shape::stages * (a_size + b_size), *b = a + a_size;
        int64_t k = step * Shape::depth;
        if (step < steps) {
            fetch_tile<Shape::threads, Shape::rows, Shape::depth>(a, p.a, p.a_stride, first_row, p.rows, k, p.depth);
            if (Transposed) {
                fetch_tile<Shape::threads, b_rows, b_width>(b, p.b, p.b_stride, first_column, p.columns, k, p.depth);
            } else {
                fetch_tile<Shape::threads, b_rows, b_width>(b, p.b, p.b_stride, k, p.depth, first_column, p.columns);
            }
        }
        commit_copies();
    };
    for (int step = 0; step < Shape::stages - 1; step++) {
        fetch(step);
    }
    for (int64_t step = 0; step < steps; step++) {
        wait_for_copies<Shape::stages - 2>();
        // Behind this, everybody's copies of the step have arrived, and nobody reads those of the step before any more.
        sync_block();
        fetch(step + Shape::stages - 1);
        const uint16_t *a = tiles + step % Shape::stages * (a_size + b_size), *b = a + a_size;
        UNROLL
        for (int k = 0; has_part && k < Shape::depth; k += 16) {
            multiply_sixteen<Type, Shape, Transposed>(sums, a, a_pitch, b, b_pitch, k, place);
        }
    }
    wait_for_copies<0>();
    sync_block();
    store_sums<Shape>((float *)memory, sums, first_row, first_column, p.rows, p.columns, store);
}
