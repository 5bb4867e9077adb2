// Copy: a matrix bit for bit, from one row stride to another.
#include "rows.cuh"

struct CopyParams {
    int64_t words;
    const void *x;
    void *out;
    int64_t element_bytes, rows, dim, x_stride, out_stride;
};

KERNEL(copy, CopyParams, 256) {
    for_each_element(p.rows, p.dim, [&](int64_t row, int64_t column) {
        uint64_t bits = load_bits(p.x, row * p.x_stride + column, p.element_bytes);
        store_bits(p.out, row * p.out_stride + column, p.element_bytes, bits);
    });
}
