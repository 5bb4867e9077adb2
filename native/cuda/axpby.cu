// Axpby: out = alpha x + beta y, in F32.
#include "rows.cuh"

struct AxpbyParams {
    int64_t words;
    const void *x, *y;
    void *out;
    const float *scalars;
    const int32_t *active_rows;
    int64_t x_type, y_type, out_type, rows, dim, x_stride, y_stride, out_stride;
    double alpha, beta;
};

template <int X, int Y, int Out>
DEVICE void axpby_rows(const AxpbyParams &p) {
    float alpha = p.scalars == nullptr ? (float)p.alpha : p.scalars[0];
    float beta = p.scalars == nullptr ? (float)p.beta : p.scalars[1];
    for_each_element(live_rows(p.rows, p.active_rows), p.dim, [&](int64_t row, int64_t column) {
        float x = load<X>(p.x, row * p.x_stride + column, p.x_type);
        float y = load<Y>(p.y, row * p.y_stride + column, p.y_type);
        store<Out>(p.out, row * p.out_stride + column, p.out_type, alpha * x + beta * y);
    });
}

KERNEL(axpby_bf16, AxpbyParams, 256) { axpby_rows<BF16, BF16, BF16>(p); }

KERNEL(axpby_f32, AxpbyParams, 256) { axpby_rows<F32, F32, F32>(p); }

KERNEL(axpby, AxpbyParams, 256) { axpby_rows<ANY, ANY, ANY>(p); }
