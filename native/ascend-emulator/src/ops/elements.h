// Reading and writing elements of device tensors: conversion to what a kernel computes in, rows of strided views.
#pragma once

#include "nn.h"

#include <cmath>
#include <limits>

namespace emu {

inline float from_bf16(uint16_t bits)
{
    uint32_t wide = static_cast<uint32_t>(bits) << 16;
    float value;
    std::memcpy(&value, &wide, 4);
    return value;
}

/* Round to nearest even; a NaN stays one. */
inline uint16_t to_bf16(float value)
{
    uint32_t bits;
    std::memcpy(&bits, &value, 4);
    uint32_t rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
    return static_cast<uint16_t>((bits & 0x7fffffff) > 0x7f800000 ? bits >> 16 | 0x40 : rounded);
}

float from_f8(int32_t type, uint8_t bits);
uint8_t to_f8(int32_t type, float value);

struct Bf16 {
    uint16_t bits;
    operator float() const { return from_bf16(bits); }
};

/* n elements from element `at` of the storage on, `stride` apart, as T (float, double or int64_t). */
template <class T> void read_row(const Tensor &t, int64_t at, int64_t stride, int64_t n, T *to);
template <class T> void write_row(const Tensor &t, int64_t at, int64_t stride, int64_t n, const T *from);

/* Calls f(at, stride, n) for every row (last dimension) of a view, in row-major order. */
template <class F> void for_rows(const Tensor &t, F f)
{
    if (t.count() == 0)
        return;
    int64_t rank = t.rank(), n = rank ? t.dims[rank - 1] : 1, stride = rank ? t.strides[rank - 1] : 1;
    std::vector<int64_t> index(rank > 0 ? rank - 1 : 0, 0);
    int64_t at = t.offset;
    for (;;) {
        f(at, stride, n);
        int64_t i = rank - 2;
        for (; i >= 0; i--) {
            at += t.strides[i];
            if (++index[i] < t.dims[i])
                break;
            at -= t.strides[i] * t.dims[i];
            index[i] = 0;
        }
        if (i < 0)
            return;
    }
}

template <class T> std::vector<T> read_all(const Tensor &t)
{
    std::vector<T> values(static_cast<size_t>(t.count()));
    T *to = values.data();
    for_rows(t, [&](int64_t at, int64_t stride, int64_t n) {
        read_row(t, at, stride, n, to);
        to += n;
    });
    return values;
}

template <class T> void write_all(const Tensor &t, const T *from)
{
    for_rows(t, [&](int64_t at, int64_t stride, int64_t n) {
        write_row(t, at, stride, n, from);
        from += n;
    });
}

inline std::vector<float> floats(const Tensor &t) { return read_all<float>(t); }
inline std::vector<int64_t> integers(const Tensor &t) { return read_all<int64_t>(t); }

/* A view of t with other dimensions in front or of size 1 repeated; fails if it cannot be. */
Tensor expand(const Tensor &t, const std::vector<int64_t> &dims);
std::vector<int64_t> broadcast(const std::vector<int64_t> &a, const std::vector<int64_t> &b);
/* Element `index` of dimension d: one dimension less. */
Tensor select(const Tensor &t, int64_t d, int64_t index);
/* A part of dimension d. */
Tensor narrow(const Tensor &t, int64_t d, int64_t from, int64_t size);
Tensor transposed(const Tensor &t, int64_t a, int64_t b);
/* The same elements as a matrix: all but the last dimension are rows. A copy of the descriptor; needs rows of equal stride. */
Tensor as_matrix(const Tensor &t);
int64_t wrap_dim(int64_t d, int64_t rank);

/* The element offset of a row's first element, all but the last dimension counted through. */
int64_t row_at(const Tensor &t, int64_t row);

/* c (m, n) = a (m, k) · b (k, n), F32 sums over k in order whatever m is; a row-major floats, b any view. */
void multiply(const float *a, int64_t m, int64_t k, const Tensor &b, float *c);
float dot(const float *a, const float *b, int64_t n);

} // namespace emu
