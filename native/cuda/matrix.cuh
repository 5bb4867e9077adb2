// A matrix operand: where its elements are, what they are, and what they are multiplied with.
#pragma once

#include "formats.cuh"

// Element types that only weights have; they go on where ElementType ends.
enum { F8_E8M0 = 6, F4_E2M1 = 7, I4 = 8 };

// As MatrixParams in the backend writes it. Element (row, column) of matrix `batch` is at
// batch * batch_stride + row * row_stride + column * column_stride, in elements; in nibbles for the 4-bit types, two a byte,
// the lower first. Its scale, if there are scales, is that of block (row / block_rows, column / block_columns), where rows and
// columns are those of memory: exchanged if `exchanged`.
struct Matrix {
    const void *values;
    const void *scales;
    int64_t type, row_stride, column_stride, batch_stride;
    int64_t scale_type, block_rows, block_columns, scale_row_stride, scale_batch_stride, exchanged;
};

DEVICE float nibble_value(uint32_t nibble, int64_t type) {
    if (type == I4) {
        return (float)nibble - 8;
    }
    uint32_t magnitude = nibble & 7;
    float value = magnitude < 2 ? 0.5f * (float)magnitude
                                : (1 + 0.5f * (float)(magnitude & 1)) * power_of_two((int)(magnitude >> 1) - 1);
    return nibble & 8 ? -value : value;
}

DEVICE float weight_value(const void *from, int64_t i, int64_t type) {
    switch ((int)type) {
        case F8_E8M0: {
            uint32_t code = ((const uint8_t *)from)[i];
            // The code of 2^-127 is a subnormal float, that of NaN has a bit pattern of its own.
            return float_of(code == 255 ? 0x7fc00000u : code == 0 ? 0x00400000u : code << 23);
        }
        case F4_E2M1:
        case I4: return nibble_value(((const uint8_t *)from)[i / 2] >> i % 2 * 4 & 15, type);
        case F8_E4M3:
        case F8_E5M2: return decode(((const uint8_t *)from)[i], (int)type);
        default: return load<ANY>(from, i, type);
    }
}

DEVICE float element(const Matrix &m, int64_t batch, int64_t row, int64_t column) {
    int64_t at = batch * m.batch_stride + row * m.row_stride + column * m.column_stride;
    float value = weight_value(m.values, at, m.type);
    if (m.scales != nullptr) {
        int64_t r = m.exchanged ? column : row, c = m.exchanged ? row : column;
        int64_t block = batch * m.scale_batch_stride + r / m.block_rows * m.scale_row_stride + c / m.block_columns;
        value *= weight_value(m.scales, block, m.scale_type);
    }
    return value;
}
