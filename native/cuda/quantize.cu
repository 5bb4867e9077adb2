// Quantize: a scale a block of a matrix from the block's largest magnitude, and the values divided by it. A team a block, a
// warp for small blocks, else all threads; the second pass over the block finds it in the cache.
//
// Where a byte has two values that may belong to two blocks, a second kernel writes the values once all scales are known.
#include "chunks.cuh"
#include "matrix.cuh"
#include "reduce.cuh"

enum { QUANTIZE_THREADS = 256, WARP_BLOCK = 1024 };

struct QuantizeParams {
    int64_t words;
    const void *x;
    void *values, *scales;
    int64_t type, value_type, scale_type, rows, columns, x_stride, block_rows, block_columns, is_power_of_two, shares_bytes;
    double largest, floor;
};

// 2 to the power of the logarithm rounded up.
DEVICE float power_of_two_above(float value) {
    uint32_t bits = bits_of(value);
    return float_of((bits + 0x7fffffu) & 0x7f800000u);
}

// The code of a power of two or of what is nearest to it in range.
DEVICE uint8_t encode_e8m0(float scale) {
    uint32_t bits = bits_of(scale);
    uint32_t exponent = (bits >> 23 & 0xff) + ((bits & 0x7fffffu) > 0x400000u);
    return (uint8_t)(exponent > 254 ? 254 : exponent);
}

DEVICE float stored_scale(const QuantizeParams &p, int64_t block, float amax) {
    float scale = fmaxf(amax, (float)p.floor) / (float)p.largest;
    scale = p.is_power_of_two ? power_of_two_above(scale) : scale;
    if (p.scale_type == F8_E8M0) {
        ((uint8_t *)p.scales)[block] = encode_e8m0(scale);
    } else {
        store<ANY>(p.scales, block, p.scale_type, scale);
    }
    return weight_value(p.scales, block, p.scale_type);
}

DEVICE uint32_t encode_nibble(float value, int64_t type) {
    if (type == I4) {
        float nearest = rintf(value);
        return (uint32_t)((nearest > 7 ? 7 : nearest < -8 ? -8 : nearest) + 8);
    }
    uint32_t sign = bits_of(value) >> 31 << 3;
    float size = fabsf(value);
    // Between 0, 0.5, 1, 1.5, 2, 3, 4 and 6; in the middle the even one.
    uint32_t code = size <= 0.25f ? 0 : size < 0.75f ? 1 : size <= 1.25f ? 2 : size < 1.75f ? 3
        : size <= 2.5f ? 4 : size < 3.5f ? 5 : size <= 5 ? 6 : 7;
    return sign | code;
}

DEVICE float input_value(const QuantizeParams &p, int64_t row, int64_t column) {
    return load<ANY>(p.x, row * p.x_stride + column, p.type);
}

// Two neighbours of a row that have a byte.
DEVICE void store_nibbles(const QuantizeParams &p, int64_t row, int64_t column, float first_scale, float second_scale) {
    uint32_t low = encode_nibble(input_value(p, row, column) / first_scale, p.value_type);
    uint32_t high = encode_nibble(input_value(p, row, column + 1) / second_scale, p.value_type);
    ((uint8_t *)p.values)[(row * p.columns + column) / 2] = (uint8_t)(low | high << 4);
}

// The part of the matrix that has one scale.
struct Block {
    int64_t number, first_row, first_column, rows, columns;
};

DEVICE Block block_of(const QuantizeParams &p, int64_t number) {
    int64_t across = (p.columns + p.block_columns - 1) / p.block_columns;
    int64_t row = number / across * p.block_rows, column = number % across * p.block_columns;
    int64_t rows = p.rows - row, columns = p.columns - column;
    return {number, row, column, rows < p.block_rows ? rows : p.block_rows, columns < p.block_columns ? columns : p.block_columns};
}

DEVICE void store_values(const QuantizeParams &p, const Block &b, float scale, int lane, int team) {
    if (p.value_type == I4 || p.value_type == F4_E2M1) {
        int64_t pairs = b.columns / 2;
        for (int64_t i = lane; i < b.rows * pairs; i += team) {
            store_nibbles(p, b.first_row + i / pairs, b.first_column + i % pairs * 2, scale, scale);
        }
        return;
    }
    for (int64_t i = lane; i < b.rows * b.columns; i += team) {
        int64_t row = b.first_row + i / b.columns, column = b.first_column + i % b.columns;
        float value = input_value(p, row, column) / scale;
        ((uint8_t *)p.values)[row * p.columns + column] = (uint8_t)encode(value, (int)p.value_type);
    }
}

KERNEL(quantize, QuantizeParams, QUANTIZE_THREADS) {
    bool by_warp = p.block_rows * p.block_columns <= WARP_BLOCK;
    int team = by_warp ? WARP : thread_count(), lane = thread_index() % team;
    int64_t number = by_warp ? block_x() * (thread_count() / WARP) + thread_index() / WARP : block_x();
    int64_t blocks = (p.rows + p.block_rows - 1) / p.block_rows * ((p.columns + p.block_columns - 1) / p.block_columns);
    if (number >= blocks) {
        return;
    }
    Block b = block_of(p, number);
    float amax = 0;
    for (int64_t i = lane; i < b.rows * b.columns; i += team) {
        amax = fmaxf(amax, fabsf(input_value(p, b.first_row + i / b.columns, b.first_column + i % b.columns)));
    }
    amax = by_warp ? over_warp<Max>(amax) : over_block<Max>(amax);
    // Everybody needs the scale as stored; all write the same.
    float scale = stored_scale(p, number, amax);
    if (!p.shares_bytes) {
        store_values(p, b, scale, lane, team);
    }
}

KERNEL(quantize_pairs, QuantizeParams, QUANTIZE_THREADS) {
    int64_t across = (p.columns + p.block_columns - 1) / p.block_columns, pairs = p.columns / 2;
    for (int64_t i = grid_thread(); i < p.rows * pairs; i += grid_threads()) {
        int64_t row = i / pairs, column = i % pairs * 2, first = row / p.block_rows * across;
        float low = weight_value(p.scales, first + column / p.block_columns, p.scale_type);
        float high = weight_value(p.scales, first + (column + 1) / p.block_columns, p.scale_type);
        store_nibbles(p, row, column, low, high);
    }
}
