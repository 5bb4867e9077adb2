// MoeGate, behind the product that made the logits: scores, groups, the best experts and their weights; a block a token.
#include "faults.cuh"
#include "ranking.cuh"
#include "reduce.cuh"

enum { GATE_THREADS = 128, MOST_EXPERTS = 1024, SIGMOID = 0, SOFTMAX = 1, SQRT_SOFTPLUS = 2 };

struct MoeGateParams {
    int64_t words;
    const float *logits;        // [tokens, experts]
    const float *bias;
    const int32_t *token_ids;
    const void *expert_table;
    int32_t *indices;
    float *weights, *scores;
    const int32_t *active_rows;
    Faults *faults;
    int64_t tokens, experts, choices, score, groups, kept_groups, sums_two_best, normalise, hash_rows, table_is_wide;
    int64_t bias_stride, token_ids_stride, table_stride, indices_stride, weights_stride, scores_stride;
    double scale;
};

DEVICE float sigmoid_or_softplus(float logit, int64_t score) {
    if (score == SIGMOID) {
        return 1 / (1 + expf(-logit));
    }
    return sqrtf(logit > 20 ? logit : log1pf(expf(logit)));
}

DEVICE void gate_scores(const MoeGateParams &p, const float *logits, float *scores) {
    if (p.score != SOFTMAX) {
        for (int64_t e = thread_index(); e < p.experts; e += thread_count()) {
            scores[e] = sigmoid_or_softplus(logits[e], p.score);
        }
        return;
    }
    float largest = -INFINITY, sum = 0;
    for (int64_t e = thread_index(); e < p.experts; e += thread_count()) {
        largest = Max::of(largest, logits[e]);
    }
    largest = over_block<Max>(largest);
    for (int64_t e = thread_index(); e < p.experts; e += thread_count()) {
        scores[e] = expf(logits[e] - largest);
        sum += scores[e];
    }
    sum = over_block<Sum>(sum);
    for (int64_t e = thread_index(); e < p.experts; e += thread_count()) {
        scores[e] /= sum;
    }
}

// What a group is ranked by: its best value, or the sum of its two best.
DEVICE float group_value(const MoeGateParams &p, const float *ranked, int64_t group) {
    int64_t size = p.experts / p.groups, first = group * size;
    uint64_t best = 0, second = 0;
    for (int64_t e = first; e < first + size; e++) {
        uint64_t key = rank_key(ranked[e], e);
        if (key > best) {
            second = best;
            best = key;
        } else if (key > second) {
            second = key;
        }
    }
    float value = ranked[0xffffffffu - (uint32_t)best];
    return p.sums_two_best && second != 0 ? value + ranked[0xffffffffu - (uint32_t)second] : value;
}

// Makes the keys of experts outside the best groups 0. One thread: there are few groups.
DEVICE void drop_groups(const MoeGateParams &p, const float *ranked, uint64_t *keys) {
    uint64_t bound = ~0ull;
    for (int64_t kept = 0; kept < p.kept_groups; kept++) {
        uint64_t best = 0;
        for (int64_t group = 0; group < p.groups; group++) {
            uint64_t key = rank_key(group_value(p, ranked, group), group);
            best = key < bound && key > best ? key : best;
        }
        bound = best;
    }
    int64_t size = p.experts / p.groups;
    for (int64_t group = 0; group < p.groups; group++) {
        if (rank_key(group_value(p, ranked, group), group) < bound) {
            for (int64_t e = group * size; e < (group + 1) * size; e++) {
                keys[e] = 0;
            }
        }
    }
}

DEVICE int64_t table_entry(const MoeGateParams &p, int64_t at) {
    return p.table_is_wide ? ((const int64_t *)p.expert_table)[at] : ((const int32_t *)p.expert_table)[at];
}

// The experts of a hashed gate; false if the token's id or one of them is none.
DEVICE bool look_up(const MoeGateParams &p, int64_t token, int32_t *chosen) {
    int64_t id = p.token_ids[token * p.token_ids_stride];
    if (id < 0 || id >= p.hash_rows) {
        report_fault(p.faults, TOKEN_IDS, token, id, p.hash_rows);
        return false;
    }
    bool valid = true;
    for (int64_t k = 0; k < p.choices; k++) {
        int64_t expert = table_entry(p, id * p.table_stride + k);
        if (expert < 0 || expert >= p.experts) {
            report_fault(p.faults, EXPERT_TABLE, id * p.choices + k, expert, p.experts);
            valid = false;
        }
        chosen[k] = (int32_t)expert;
    }
    return valid;
}

DEVICE void write_weights(const MoeGateParams &p, int64_t token, const float *scores, bool valid) {
    int32_t *chosen = p.indices + token * p.indices_stride;
    float *weights = p.weights + token * p.weights_stride;
    float sum = 0;
    for (int64_t k = 0; valid && k < p.choices; k++) {
        sum += scores[chosen[k]];
    }
    for (int64_t k = 0; k < p.choices; k++) {
        float weight = valid ? scores[chosen[k]] : 0.0f;
        weight = valid && p.normalise ? weight / (sum + 1e-20f) : weight;
        weights[k] = weight * (float)p.scale;
        chosen[k] = valid ? chosen[k] : -1;
    }
}

KERNEL(moe_gate, MoeGateParams, GATE_THREADS) {
    SHARED(float, scores, MOST_EXPERTS);
    SHARED(float, ranked, MOST_EXPERTS);
    SHARED(uint64_t, keys, MOST_EXPERTS);
    int64_t token = block_x();
    if (token >= live_rows(p.tokens, p.active_rows)) {
        for (int64_t k = thread_index(); k < p.choices; k += thread_count()) {
            p.indices[token * p.indices_stride + k] = -1;
            p.weights[token * p.weights_stride + k] = 0;
        }
        return;
    }
    gate_scores(p, p.logits + token * p.experts, scores);
    sync_block();
    for (int64_t e = thread_index(); e < p.experts; e += thread_count()) {
        ranked[e] = scores[e] + (p.bias == nullptr ? 0.0f : p.bias[e * p.bias_stride]);
        keys[e] = rank_key(ranked[e], e);
        if (p.scores != nullptr) {
            p.scores[token * p.scores_stride + e] = scores[e];
        }
    }
    sync_block();
    if (p.hash_rows > 0) {
        if (thread_index() == 0) {
            write_weights(p, token, scores, look_up(p, token, p.indices + token * p.indices_stride));
        }
        return;
    }
    if (p.kept_groups < p.groups && thread_index() == 0) {
        drop_groups(p, ranked, keys);
    }
    sync_block();
    for (int64_t k = 0; k < p.choices; k++) {
        uint64_t best = 0;
        for (int64_t e = thread_index(); e < p.experts; e += thread_count()) {
            best = Better::of(best, keys[e]);
        }
        best = over_block<Better>(best);
        if (thread_index() == 0) {
            int64_t expert = 0xffffffffu - (uint32_t)best;
            p.indices[token * p.indices_stride + k] = (int32_t)expert;
            keys[expert] = 0;
        }
        sync_block();
    }
    if (thread_index() == 0) {
        write_weights(p, token, scores, true);
    }
}
