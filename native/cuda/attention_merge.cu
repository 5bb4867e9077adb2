// AttentionMerge: outputs over disjoint keys, weighed by their log-sum-exp; a warp a head of a query. What a part without
// keys holds is not read.
#include "formats.cuh"
#include "reduce.cuh"

enum { MERGE_THREADS = 256, MERGE_WARPS = MERGE_THREADS / WARP };

struct AttentionMergeParams {
    int64_t words;
    const void *partial;
    const float *partial_lse, *sink;
    void *out;
    float *log_sum_exp;
    const int32_t *active_rows;
    int64_t in_type, out_type, rows, heads, dim, parts;
    int64_t partial_stride, partial_row_stride, partial_head_stride, part_lse_stride, part_lse_row_stride, part_lse_head_stride;
    int64_t sink_stride, out_row_stride, out_head_stride, lse_row_stride, lse_head_stride;
};

DEVICE float part_lse(const AttentionMergeParams &p, int64_t part, int64_t row, int64_t head) {
    float lse = p.partial_lse[part * p.part_lse_stride + row * p.part_lse_row_stride + head * p.part_lse_head_stride];
    return lse == INFINITY ? -INFINITY : lse;
}

KERNEL(attention_merge, AttentionMergeParams, MERGE_THREADS) {
    int64_t pair = block_x() * MERGE_WARPS + thread_index() / WARP, row = pair / p.heads, head = pair % p.heads;
    if (row >= live_rows(p.rows, p.active_rows)) {
        return;
    }
    int lane = thread_index() % WARP;
    float largest = -INFINITY, sum = 0;
    for (int64_t part = 0; part < p.parts; part++) {
        largest = Max::of(largest, part_lse(p, part, row, head));
    }
    bool sees = largest != -INFINITY;
    for (int64_t part = 0; sees && part < p.parts; part++) {
        sum += expf(part_lse(p, part, row, head) - largest);
    }
    float merged = sees ? largest + logf(sum) : INFINITY;
    float divisor = p.sink == nullptr ? sum : sum * (1 + expf(p.sink[head * p.sink_stride] - merged));
    for (int64_t i = lane; i < p.dim; i += WARP) {
        float value = 0;
        for (int64_t part = 0; sees && part < p.parts; part++) {
            float lse = part_lse(p, part, row, head);
            if (lse != -INFINITY) {
                int64_t at = part * p.partial_stride + row * p.partial_row_stride + head * p.partial_head_stride + i;
                value = fmaf(expf(lse - largest) / divisor, load<ANY>(p.partial, at, p.in_type), value);
            }
        }
        store<ANY>(p.out, row * p.out_row_stride + head * p.out_head_stride + i, p.out_type, value);
    }
    if (p.log_sum_exp != nullptr && lane == 0) {
        p.log_sum_exp[row * p.lse_row_stride + head * p.lse_head_stride] = merged;
    }
}
