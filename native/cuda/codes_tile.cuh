// A tile of a product a b^T whose b has codes of 8 or 4 bits with a scale a block: codes come into shared memory as they are,
// become BF16 there, exactly, and are multiplied on the matrix units; the sum over a block along k is multiplied by the
// block's scale.
//
// Blocks are a multiple of 16 wide along k. Wide: rows begin at multiples of 16 bytes, and k is a multiple of what 16 bytes
// hold; then tiles come by asynchronous copies, some ahead, else element by element, and sums are the same.
#pragma once

#include "matrix.cuh"
#include "product_tile.cuh"

// BF16 holds every code of these types exactly.
DEVICE uint32_t code_to_bf16(uint32_t code, int64_t type) {
    float value;
    switch ((int)type) {
        // Moved to the exponent of F32 and scaled back, which takes subnormals along.
        case F8_E4M3:
            value = float_of((code & 0x7f) << 20) * float_of(247u << 23);
            value = (code & 0x7f) == 0x7f ? float_of(0x7fc00000u) : value;
            break;
        case F8_E5M2: value = f16_to_float((uint16_t)((code & 0x7f) << 8)); break;
        default: return bits_of(nibble_value(code, type)) >> 16;
    }
    return bits_of(value) >> 16 | (code & 0x80) << 8;
}

// Eight neighbours; codes of 4 bits are in one word, those of 8 bits in two.
DEVICE uint4 decode_eight(uint32_t low, uint32_t high, int64_t type, bool is_nibble) {
    uint32_t pairs[4];
    UNROLL
    for (int i = 0; i < 4; i++) {
        uint32_t first, second;
        if (is_nibble) {
            first = low >> 8 * i & 15;
            second = low >> (8 * i + 4) & 15;
        } else {
            uint32_t word = i < 2 ? low : high;
            first = word >> 16 * (i % 2) & 0xff;
            second = word >> (16 * (i % 2) + 8) & 0xff;
        }
        pairs[i] = code_to_bf16(first, type) | code_to_bf16(second, type) << 16;
    }
    return {pairs[0], pairs[1], pairs[2], pairs[3]};
}

// Copies the codes of a step, 16 bytes or one at a time.
template <class Shape, bool IsNibble, bool Wide>
DEVICE void fetch_codes(uint8_t *tile, const Matrix &b, int64_t first_row, int64_t rows, int64_t k, int64_t depth) {
    constexpr int width = IsNibble ? Shape::depth / 2 : Shape::depth, step = Wide ? 16 : 1, across = width / step;
    int64_t row_bytes = IsNibble ? b.row_stride / 2 : b.row_stride;
    int64_t first_byte = IsNibble ? k / 2 : k, end_byte = IsNibble ? depth / 2 : depth;
    for (int i = thread_index(); i < Shape::columns * across; i += Shape::threads) {
        int row = i / across, byte = i % across * step;
        bool inside = first_row + row < rows && first_byte + byte < end_byte;
        const uint8_t *from = (const uint8_t *)b.values;
        int64_t at = inside ? (first_row + row) * row_bytes + first_byte + byte : 0;
        if (Wide) {
            copy_async(tile + row * width + byte, from + at, inside ? 16 : 0);
        } else {
            tile[row * width + byte] = inside ? from[at] : (uint8_t)0;
        }
    }
}

// The left side of a step, element by element.
template <class Shape>
DEVICE void load_rows(
    uint16_t *tile, const uint16_t *a, int64_t stride, int64_t first_row, int64_t rows, int64_t k, int64_t depth) {
    for (int i = thread_index(); i < Shape::rows * Shape::depth; i += Shape::threads) {
        int row = i / Shape::depth, column = i % Shape::depth;
        bool inside = first_row + row < rows && k + column < depth;
        tile[row * pitch_of(Shape::depth) + column] = inside ? a[(first_row + row) * stride + k + column] : (uint16_t)0;
    }
}

template <class Shape, bool IsNibble>
DEVICE void decode_tile(uint16_t *to, const uint8_t *codes, int64_t type) {
    constexpr int groups = Shape::depth / 8;
    for (int i = thread_index(); i < Shape::columns * groups; i += Shape::threads) {
        const uint32_t *words = (const uint32_t *)codes;
        uint32_t low = IsNibble ? words[i] : words[2 * i], high = IsNibble ? 0 : words[2 * i + 1];
        *(uint4 *)(to + i / groups * pitch_of(Shape::depth) + i % groups * 8) = decode_eight(low, high, type, IsNibble);
    }
}

// Adds a block's sums, scaled.
template <class Shape>
DEVICE void fold_sums(
    Sums<Shape> &sums, Sums<Shape> &part, const Matrix &b, int64_t first_column, int64_t columns, int64_t block,
    const WarpPlace<Shape> &place) {
    UNROLL
    for (int j = 0; j < Shape::column_parts; j++) {
        UNROLL
        for (int c = 0; c < 2; c++) {
            int64_t column = first_column + place.left + 8 * j + place.lane % 4 * 2 + c;
            int64_t at = column / b.block_rows * b.scale_row_stride + block;
            float scale = column < columns ? scale_value(b.scales, at, b.scale_type) : 0.0f;
            UNROLL
            for (int i = 0; i < Shape::row_parts; i++) {
                UNROLL
                for (int r = c; r < 4; r += 2) {
                    sums.of[i][j][r] = fmaf(part.of[i][j][r], scale, sums.of[i][j][r]);
                    part.of[i][j][r] = 0;
                }
            }
        }
    }
}

// a is [rows, depth] of BF16; the tile is given to `store` as by product_tile.
template <class Shape, bool IsNibble, bool Wide, class Store>
DEVICE void codes_tile(
    const uint16_t *a, int64_t a_stride, const Matrix &b, int64_t rows, int64_t columns, int64_t depth, int64_t first_row,
    int64_t first_column, Store store) {
    constexpr int a_pitch = pitch_of(Shape::depth), a_size = Shape::rows * a_pitch * 2, b_pitch = pitch_of(Shape::depth);
    constexpr int code_size = Shape::columns * (IsNibble ? Shape::depth / 2 : Shape::depth);
    constexpr int stage_size = a_size + code_size;
    static_assert(Shape::stages * stage_size >= sums_bytes<Shape>(), "there is room to turn fragments in");
    SHARED(uint4, memory, Shape::stages * stage_size / 16);
    SHARED(uint4, decoded, Shape::columns * b_pitch / 8);
    WarpPlace<Shape> place = warp_place<Shape>();
    bool has_part = first_row + place.top < rows && first_column + place.left < columns;
    Sums<Shape> sums = {}, part = {};
    int64_t steps = (depth + Shape::depth - 1) / Shape::depth;
    auto fetch = [&](int64_t step) {
        uint8_t *stage = (uint8_t *)memory + step % Shape::stages * stage_size;
        int64_t k = step * Shape::depth;
        if (step < steps) {
            if (Wide) {
                fetch_tile<Shape::threads, Shape::rows, Shape::depth>(
                    (uint16_t *)stage, a, a_stride, first_row, rows, k, depth);
            } else {
                load_rows<Shape>((uint16_t *)stage, a, a_stride, first_row, rows, k, depth);
            }
            fetch_codes<Shape, IsNibble, Wide>(stage + a_size, b, first_column, columns, k, depth);
        }
        commit_copies();
    };
    for (int step = 0; step < Shape::stages - 1; step++) {
        fetch(step);
    }
    for (int64_t step = 0; step < steps; step++) {
        const uint8_t *stage = (const uint8_t *)memory + step % Shape::stages * stage_size;
        wait_for_copies<Shape::stages - 2>();
        sync_block();
        fetch(step + Shape::stages - 1);
        decode_tile<Shape, IsNibble>((uint16_t *)decoded, stage + a_size, b.type);
        sync_block();
        // Not unrolled: what a fold does is long.
        ROLLED
        for (int k = 0; has_part && k < Shape::depth; k += 16) {
            int64_t begin = step * Shape::depth + k, end = begin + 16;
            if (begin < depth) {
                multiply_sixteen<BF16, Shape, true>(
                    part, (const uint16_t *)stage, a_pitch, (const uint16_t *)decoded, b_pitch, k, place);
                if (end % b.block_columns == 0 || end >= depth) {
                    fold_sums<Shape>(sums, part, b, first_column, columns, begin / b.block_columns, place);
                }
            }
        }
    }
    wait_for_copies<0>();
    sync_block();
    store_sums<Shape>((float *)memory, sums, first_row, first_column, rows, columns, store);
}
