// Dequantize: every value times the scale of its block, in F32 with one rounding.
#include "matrix.cuh"
#include "rows.cuh"

struct DequantizeParams {
    int64_t words;
    Matrix x;
    void *out;
    int64_t out_type, rows, dim, out_stride;
};

KERNEL(dequantize, DequantizeParams, 256) {
    for_each_element(p.rows, p.dim, [&](int64_t row, int64_t column) {
        store<ANY>(p.out, row * p.out_stride + column, p.out_type, element(p.x, row, column));
    });
}
