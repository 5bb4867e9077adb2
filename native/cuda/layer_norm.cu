// LayerNorm: the variance is that of the distances from the mean, never a difference of squares.
#include "formats.cuh"
#include "reduce.cuh"

struct LayerNormParams {
    int64_t words;
    const void *x, *weight, *bias;
    void *out;
    const int32_t *active_rows;
    int64_t in_type, weight_type, out_type, rows, dim, x_stride, out_stride;
    double epsilon;
};

template <int In, int Weight, int Out>
DEVICE void layer_norm_rows(const LayerNormParams &p) {
    RowTeam team = row_team(p.dim);
    if (team.row >= live_rows(p.rows, p.active_rows)) {
        return;
    }
    float sum = 0;
    for (int64_t i = team.lane; i < p.dim; i += team.size) {
        sum += load<In>(p.x, team.row * p.x_stride + i, p.in_type);
    }
    float mean = over_team<Sum>(team, sum) / (float)p.dim;
    float squares = 0;
    for (int64_t i = team.lane; i < p.dim; i += team.size) {
        float distance = load<In>(p.x, team.row * p.x_stride + i, p.in_type) - mean;
        squares += distance * distance;
    }
    float inverse = 1 / sqrtf(over_team<Sum>(team, squares) / (float)p.dim + (float)p.epsilon);
    for (int64_t i = team.lane; i < p.dim; i += team.size) {
        float value = (load<In>(p.x, team.row * p.x_stride + i, p.in_type) - mean) * inverse;
        value = value * load<Weight>(p.weight, i, p.weight_type) + load<Weight>(p.bias, i, p.weight_type);
        store<Out>(p.out, team.row * p.out_stride + i, p.out_type, value);
    }
}

KERNEL(layer_norm_bf16, LayerNormParams, ROW_THREADS) { layer_norm_rows<BF16, BF16, BF16>(p); }

KERNEL(layer_norm_f32, LayerNormParams, ROW_THREADS) { layer_norm_rows<F32, F32, F32>(p); }

KERNEL(layer_norm, LayerNormParams, ROW_THREADS) { layer_norm_rows<ANY, ANY, ANY>(p); }
