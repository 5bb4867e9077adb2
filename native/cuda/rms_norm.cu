// RmsNorm and AddRmsNorm: out = x / sqrt(mean(x^2) + epsilon) * weight, in F32 with one rounding; with AddRmsNorm x is the
// rounded sum of two matrices. A thread reads and writes the same elements, so results may replace their operands.
#include "formats.cuh"
#include "reduce.cuh"

struct RmsNormParams {
    int64_t words;
    const void *x, *residual, *weight;
    void *sum, *out;
    float *inverse_rms;
    const int32_t *active_rows;
    int64_t in_type, weight_type, out_type, rows, dim, x_stride, residual_stride, sum_stride, out_stride;
    double epsilon;
};

template <int In, int Weight, int Out, bool Adds>
DEVICE void rms_norm_rows(const RmsNormParams &p) {
    RowTeam team = row_team(p.dim);
    if (team.row >= live_rows(p.rows, p.active_rows)) {
        return;
    }
    float squares = 0;
    for (int64_t i = team.lane; i < p.dim; i += team.size) {
        float x = load<In>(p.x, team.row * p.x_stride + i, p.in_type);
        if (Adds) {
            x = rounded<In>(p.in_type, x + load<In>(p.residual, team.row * p.residual_stride + i, p.in_type));
            store<In>(p.sum, team.row * p.sum_stride + i, p.in_type, x);
        }
        squares += x * x;
    }
    squares = over_team<Sum>(team, squares);
    float inverse = 1 / sqrtf(squares / (float)p.dim + (float)p.epsilon);
    if (p.inverse_rms != nullptr && team.lane == 0) {
        p.inverse_rms[team.row] = inverse;
    }
    const void *from = Adds ? p.sum : p.x;
    int64_t from_stride = Adds ? p.sum_stride : p.x_stride;
    for (int64_t i = team.lane; i < p.dim; i += team.size) {
        float value = load<In>(from, team.row * from_stride + i, p.in_type) * inverse;
        if (p.weight != nullptr) {
            value *= load<Weight>(p.weight, i, p.weight_type);
        }
        store<Out>(p.out, team.row * p.out_stride + i, p.out_type, value);
    }
}

KERNEL(rms_norm_bf16, RmsNormParams, ROW_THREADS) { rms_norm_rows<BF16, BF16, BF16, false>(p); }

KERNEL(rms_norm_f32, RmsNormParams, ROW_THREADS) { rms_norm_rows<F32, F32, F32, false>(p); }

KERNEL(rms_norm, RmsNormParams, ROW_THREADS) { rms_norm_rows<ANY, ANY, ANY, false>(p); }

KERNEL(add_rms_norm_bf16, RmsNormParams, ROW_THREADS) { rms_norm_rows<BF16, BF16, BF16, true>(p); }

KERNEL(add_rms_norm_f32, RmsNormParams, ROW_THREADS) { rms_norm_rows<F32, F32, F32, true>(p); }

KERNEL(add_rms_norm, RmsNormParams, ROW_THREADS) { rms_norm_rows<ANY, ANY, ANY, true>(p); }
