// MoeCombine: the expert rows of a token, weighted and summed over ascending choices, the addend last; a block a token.
#include "faults.cuh"
#include "formats.cuh"

struct MoeCombineParams {
    int64_t words;
    const void *rows;
    const int32_t *token_row;
    const float *weights;
    const void *addend;
    void *out;
    const int32_t *active_rows;
    Faults *faults;
    int64_t rows_type, out_type, tokens, choices, dim, row_count, rows_stride, addend_stride, out_stride, token_row_stride,
        weights_stride;
};

KERNEL(moe_combine, MoeCombineParams, 256) {
    int64_t token = block_x();
    if (token >= live_rows(p.tokens, p.active_rows)) {
        return;
    }
    const int32_t *chosen = p.token_row + token * p.token_row_stride;
    bool valid = true;
    for (int64_t k = 0; k < p.choices; k++) {
        if (chosen[k] < -1 || chosen[k] >= p.row_count) {
            valid = false;
            if (thread_index() == 0) {
                report_fault(p.faults, TOKEN_ROW, token * p.choices + k, chosen[k], p.row_count);
            }
        }
    }
    for (int64_t i = thread_index(); i < p.dim; i += thread_count()) {
        float sum = 0;
        for (int64_t k = 0; valid && k < p.choices; k++) {
            if (chosen[k] >= 0) {
                float weight = p.weights == nullptr ? 1.0f : p.weights[token * p.weights_stride + k];
                sum += weight * load<ANY>(p.rows, chosen[k] * p.rows_stride + i, p.rows_type);
            }
        }
        if (valid && p.addend != nullptr) {
            sum += load<ANY>(p.addend, token * p.addend_stride + i, p.out_type);
        }
        store<ANY>(p.out, token * p.out_stride + i, p.out_type, sum);
    }
}
