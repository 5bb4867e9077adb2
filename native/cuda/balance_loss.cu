// BalanceLoss: the mean over sequences of alpha times the sum of load times share. First every token's sum of scores, then a
// block a sequence and 32 experts, whose eight warps each look at every eighth token, then one block for the mean. Every sum
// has an order that the shapes decide.
#include "faults.cuh"
#include "reduce.cuh"

enum { BALANCE_THREADS = 256, BALANCE_WARPS = BALANCE_THREADS / WARP };

struct BalanceLossParams {
    int64_t words;
    const float *scores;
    const int32_t *indices, *sequence_start;
    float *loss;
    Faults *faults;
    float *token_sum;           // [tokens]
    float *partial;             // [sequences, blocks of experts]
    int64_t tokens, sequences, experts, choices, scores_stride, indices_stride, start_stride;
    double alpha;
};

DEVICE int64_t expert_blocks(const BalanceLossParams &p) { return (p.experts + WARP - 1) / WARP; }

struct TokenRange {
    int64_t begin, end;
    bool is_valid;
};

DEVICE TokenRange tokens_of(const BalanceLossParams &p, int64_t sequence) {
    int64_t begin = p.sequence_start[sequence * p.start_stride], end = p.sequence_start[(sequence + 1) * p.start_stride];
    bool valid = begin >= 0 && begin <= end && end <= p.tokens;
    return {begin, valid ? end : begin, valid};
}

KERNEL(balance_loss_tokens, BalanceLossParams, BALANCE_THREADS) {
    int64_t token = block_x() * BALANCE_WARPS + thread_index() / WARP;
    if (token >= p.tokens) {
        return;
    }
    float sum = 0;
    for (int64_t e = thread_index() % WARP; e < p.experts; e += WARP) {
        sum += p.scores[token * p.scores_stride + e];
    }
    sum = over_warp<Sum>(sum);
    if (thread_index() % WARP == 0) {
        p.token_sum[token] = sum;
    }
}

KERNEL(balance_loss_sequences, BalanceLossParams, BALANCE_THREADS) {
    SHARED(float, shares, BALANCE_THREADS);
    SHARED(int32_t, counts, BALANCE_THREADS);
    int warp = thread_index() / WARP, lane = thread_index() % WARP;
    int64_t sequence = block_x() / expert_blocks(p), expert = block_x() % expert_blocks(p) * WARP + lane;
    TokenRange range = tokens_of(p, sequence);
    bool reports = block_x() % expert_blocks(p) == 0;
    float share = 0;
    int32_t count = 0;
    for (int64_t token = range.begin + warp; token < range.end; token += BALANCE_WARPS) {
        if (expert < p.experts) {
            share += p.scores[token * p.scores_stride + expert] / p.token_sum[token];
        }
        for (int64_t k = 0; k < p.choices; k++) {
            int64_t chosen = p.indices[token * p.indices_stride + k];
            count += chosen == expert;
            if (reports && lane == 0 && (chosen < -1 || chosen >= p.experts)) {
                report_fault(p.faults, INDICES, token * p.choices + k, chosen, p.experts);
            }
        }
    }
    shares[thread_index()] = share;
    counts[thread_index()] = expert < p.experts ? count : 0;
    sync_block();
    if (warp == 0) {
        for (int other = 1; other < BALANCE_WARPS; other++) {
            share += shares[other * WARP + lane];
            count += counts[other * WARP + lane];
        }
        float product = over_warp<Sum>(expert < p.experts ? share * (float)count : 0.0f);
        if (lane == 0) {
            p.partial[block_x()] = product;
        }
    }
}

DEVICE void report_bad_sequence(const BalanceLossParams &p, int64_t sequence) {
    int64_t begin = p.sequence_start[sequence * p.start_stride], end = p.sequence_start[(sequence + 1) * p.start_stride];
    bool first = begin < 0 || begin > p.tokens;
    report_fault(p.faults, SEQUENCE_START, sequence + !first, first ? begin : end, p.tokens + 1);
}

KERNEL(balance_loss, BalanceLossParams, BALANCE_THREADS) {
    float sum = 0;
    int64_t counted = 0;
    for (int64_t sequence = thread_index(); sequence < p.sequences; sequence += thread_count()) {
        TokenRange range = tokens_of(p, sequence);
        if (!range.is_valid) {
            report_bad_sequence(p, sequence);
        }
        if (range.end > range.begin) {
            float products = 0, length = (float)(range.end - range.begin);
            for (int64_t i = 0; i < expert_blocks(p); i++) {
                products += p.partial[sequence * expert_blocks(p) + i];
            }
            sum += products / length / length;
            counted++;
        }
    }
    sum = over_block<Sum>(sum);
    counted = over_block<Sum>(counted);
    if (thread_index() == 0) {
        float scale = (float)(p.alpha * (double)p.experts / (double)p.choices);
        *p.loss = counted == 0 ? 0.0f : scale * sum / (float)counted;
    }
}
