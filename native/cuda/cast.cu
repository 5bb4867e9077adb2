// Cast: one rounding, from the source value itself.
#include "rows.cuh"

struct CastParams {
    int64_t words;
    const void *x;
    void *out;
    int64_t from, to, rows, dim, x_stride, out_stride;
};

template <int From, int To>
DEVICE void cast_activations(const CastParams &p) {
    for_each_element(p.rows, p.dim, [&](int64_t row, int64_t column) {
        store<To>(p.out, row * p.out_stride + column, p.to, load<From>(p.x, row * p.x_stride + column, p.from));
    });
}

KERNEL(cast_f32_bf16, CastParams, 256) { cast_activations<F32, BF16>(p); }

KERNEL(cast_bf16_f32, CastParams, 256) { cast_activations<BF16, F32>(p); }

KERNEL(cast, CastParams, 256) {
    for_each_element(p.rows, p.dim, [&](int64_t row, int64_t column) {
        store_wide(p.out, row * p.out_stride + column, p.to, load_wide(p.x, row * p.x_stride + column, p.from));
    });
}
