// Fill: one value in every element of a matrix; packed elements by bytes of two.
#include "rows.cuh"

struct FillParams {
    int64_t words;
    void *out;
    uint64_t pattern;
    int64_t element_bytes, rows, dim, stride;
};

KERNEL(fill, FillParams, 256) {
    for_each_element(p.rows, p.dim, [&](int64_t row, int64_t column) {
        store_bits(p.out, row * p.stride + column, p.element_bytes, p.pattern);
    });
}
