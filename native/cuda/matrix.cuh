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
    // Where matrices lie at many addresses: one for each, of values and of scales, and values and scales above are not used.
    const uint64_t *value_addresses, *scale_addresses;
};

// Bytes of so many elements.
DEVICE int64_t bytes_of(int64_t elements, int64_t type) {
    return type == F32 ? 4 * elements : type == F16 || type == BF16 ? 2 * elements
        : type == F4_E2M1 || type == I4 ? elements / 2 : elements;
}

// Matrix `batch` by itself.
DEVICE Matrix matrix_of(const Matrix &m, int64_t batch) {
    Matrix own = m;
    own.values = m.value_addresses != nullptr ? (const void *)m.value_addresses[batch]
                                              : (const char *)m.values + bytes_of(batch * m.batch_stride, m.type);
    own.scales = m.scale_addresses != nullptr ? (const void *)m.scale_addresses[batch]
        : m.scales == nullptr ? nullptr : (const char *)m.scales + bytes_of(batch * m.scale_batch_stride, m.scale_type);
    own.batch_stride = own.scale_batch_stride = 0;
    return own;
}

DEVICE float nibble_value(uint32_t nibble, int64_t type) {
    if (type == I4) {
        return (float)nibble - 8;
    }
    uint32_t magnitude = nibble & 7;
    float value = magnitude < 2 ? 0.5f * (float)magnitude
                                : (1 + 0.5f * (float)(magnitude & 1)) * power_of_two((int)(magnitude >> 1) - 1);
    return nibble & 8 ? -value : value;
}

DEVICE float e8m0_value(uint32_t code) {
    // The code of 2^-127 is a subnormal float, that of NaN has a bit pattern of its own.
    return float_of(code == 255 ? 0x7fc00000u : code == 0 ? 0x00400000u : code << 23);
}

// A scale of F32, F16, BF16 or F8_E8M0.
DEVICE float scale_value(const void *from, int64_t i, int64_t type) {
    return type == F8_E8M0 ? e8m0_value(((const uint8_t *)from)[i]) : load<ANY>(from, i, type);
}

DEVICE float weight_value(const void *from, int64_t i, int64_t type) {
    switch ((int)type) {
        case F8_E8M0: return e8m0_value(((const uint8_t *)from)[i]);
        case F4_E2M1:
        case I4: return nibble_value(((const uint8_t *)from)[i / 2] >> i % 2 * 4 & 15, type);
        case F8_E4M3:
        case F8_E5M2: return decode(((const uint8_t *)from)[i], (int)type);
        default: return load<ANY>(from, i, type);
    }
}

DEVICE float element(const Matrix &m, int64_t row, int64_t column) {
    int64_t at = row * m.row_stride + column * m.column_stride;
    float value = weight_value(m.values, at, m.type);
    if (m.scales != nullptr) {
        int64_t r = m.exchanged ? column : row, c = m.exchanged ? row : column;
        int64_t block = r / m.block_rows * m.scale_row_stride + c / m.block_columns;
        value *= weight_value(m.scales, block, m.scale_type);
    }
    return value;
}
