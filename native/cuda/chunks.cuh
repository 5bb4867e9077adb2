// Rows read eight neighbours at a time: 16 bytes a load where the row begins at a multiple of 16 bytes.
#pragma once

#include "formats.cuh"

enum { CHUNK = 8 };

// A row of elements; what lies beyond its end reads as minus infinity.
struct ChunkedRow {
    const void *values;
    int64_t type, dim;
    bool is_wide;
};

DEVICE ChunkedRow chunked_row(const void *from, int64_t first, int64_t type, int64_t dim) {
    const char *row = (const char *)from + first * element_bytes(type);
    return {row, type, dim, (uintptr_t)row % 16 == 0};
}

DEVICE float half_of(uint32_t word, int upper, int64_t type) {
    uint16_t code = (uint16_t)(word >> 16 * upper);
    return type == F16 ? f16_to_float(code) : bf16_to_float(code);
}

// Elements first to first + 7.
DEVICE void load_chunk(const ChunkedRow &row, int64_t first, float (&values)[CHUNK]) {
    if (row.is_wide && first + CHUNK <= row.dim) {
        if (row.type == F32) {
            UNROLL
            for (int half = 0; half < 2; half++) {
                uint4 four = ((const uint4 *)row.values)[first / 4 + half];
                values[4 * half] = float_of(four.x);
                values[4 * half + 1] = float_of(four.y);
                values[4 * half + 2] = float_of(four.z);
                values[4 * half + 3] = float_of(four.w);
            }
            return;
        }
        uint4 eight = ((const uint4 *)row.values)[first / CHUNK];
        UNROLL
        for (int upper = 0; upper < 2; upper++) {
            values[upper] = half_of(eight.x, upper, row.type);
            values[2 + upper] = half_of(eight.y, upper, row.type);
            values[4 + upper] = half_of(eight.z, upper, row.type);
            values[6 + upper] = half_of(eight.w, upper, row.type);
        }
        return;
    }
    UNROLL
    for (int i = 0; i < CHUNK; i++) {
        values[i] = first + i < row.dim ? load<ANY>(row.values, first + i, row.type) : -INFINITY;
    }
}
