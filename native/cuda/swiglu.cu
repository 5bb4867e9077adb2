// SwiGlu: silu(min(gate, limit)) * clamp(up, limit) * row weight, in F32 with one rounding. A NaN passes every clamp.
#include "rows.cuh"

struct SwiGluParams {
    int64_t words;
    const void *gate, *up;
    const float *row_weight;
    void *out;
    const int32_t *active_rows;
    int64_t in_type, out_type, rows, dim, gate_stride, up_stride, out_stride, row_weight_stride;
    double limit;
};

DEVICE float swiglu_value(float gate, float up, float limit) {
    float g = gate > limit ? limit : gate;
    float u = up > limit ? limit : up < -limit ? -limit : up;
    return g / (1 + expf(-g)) * u;
}

template <int In, int Out>
DEVICE void swiglu_rows(const SwiGluParams &p) {
    float limit = (float)p.limit;
    for_each_element(live_rows(p.rows, p.active_rows), p.dim, [&](int64_t row, int64_t column) {
        float gate = load<In>(p.gate, row * p.gate_stride + column, p.in_type);
        float up = load<In>(p.up, row * p.up_stride + column, p.in_type);
        float value = swiglu_value(gate, up, limit);
        if (p.row_weight != nullptr) {
            value *= p.row_weight[row * p.row_weight_stride];
        }
        store<Out>(p.out, row * p.out_stride + column, p.out_type, value);
    });
}

KERNEL(swiglu_bf16, SwiGluParams, 256) { swiglu_rows<BF16, BF16>(p); }

KERNEL(swiglu_f32, SwiGluParams, 256) { swiglu_rows<F32, F32>(p); }

KERNEL(swiglu, SwiGluParams, 256) { swiglu_rows<ANY, ANY>(p); }
