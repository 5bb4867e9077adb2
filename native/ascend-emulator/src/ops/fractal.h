// FRACTAL_NZ: a (k, n) matrix as (⌈n/C0⌉, ⌈k/16⌉, 16, C0) with C0 = 32 bytes of elements; leading dimensions stay.
#pragma once

#include "elements.h"

namespace emu {

std::vector<int64_t> fractal_shape(const Tensor &t);
/* The elements of a FRACTAL_NZ tensor in row-major order. */
std::vector<float> from_fractal(const Tensor &t);
void to_fractal(const Tensor &from, const Tensor &to);

/* Floats of the host that multiply() can read. */
struct HostMatrix {
    std::vector<float> values;
    Tensor tensor;
    HostMatrix(std::vector<float> elements, int64_t rows, int64_t columns) : values(std::move(elements))
    {
        tensor.dims = tensor.storage = {rows, columns};
        tensor.strides = {columns, 1};
        tensor.address = reinterpret_cast<uint64_t>(values.data());
    }
    HostMatrix(const HostMatrix &) = delete;
};

/* Products with the checks and the precision that all product operators share. */
void check_product_types(const Tensor &a, const Tensor &b, const Tensor &out, int64_t math);
std::vector<float> product(const Tensor &a, const Tensor &b, int64_t math);

} // namespace emu
