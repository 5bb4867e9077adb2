// CrossEntropy: the log-sum-exp of a row and its distance from the target's logit; a block a row, which it reads once. A
// thread keeps its own largest logit and the sum relative to that; the block then agrees on one.
#include "chunks.cuh"
#include "faults.cuh"
#include "reduce.cuh"

enum { LOSS_THREADS = 256 };

struct CrossEntropyParams {
    int64_t words;
    const void *logits;
    const int32_t *targets;
    float *loss, *log_sum_exp;
    const int32_t *active_rows;
    Faults *faults;
    int64_t type, rows, vocab, logits_stride, targets_stride, loss_stride, lse_stride;
};

// A sum of exponentials, relative to the largest exponent.
struct RunningSum {
    float largest, sum;
};

DEVICE void add_chunk(RunningSum *running, const float (&logits)[CHUNK]) {
    float largest = running->largest;
    UNROLL
    for (int i = 0; i < CHUNK; i++) {
        largest = Max::of(largest, logits[i]);
    }
    if (largest == -INFINITY) {
        return;
    }
    float sum = running->sum * expf(running->largest - largest);
    UNROLL
    for (int i = 0; i < CHUNK; i++) {
        sum += expf(logits[i] - largest);
    }
    *running = {largest, sum};
}

KERNEL(cross_entropy, CrossEntropyParams, LOSS_THREADS) {
    int64_t row = block_x();
    if (row >= live_rows(p.rows, p.active_rows)) {
        return;
    }
    int64_t target = p.targets[row * p.targets_stride];
    if (target < -1 || target >= p.vocab) {
        if (thread_index() == 0) {
            report_fault(p.faults, TARGETS, row, target, p.vocab);
            p.loss[row * p.loss_stride] = 0;
            p.log_sum_exp[row * p.lse_stride] = 0;
        }
        return;
    }
    ChunkedRow logits = chunked_row(p.logits, row * p.logits_stride, p.type, p.vocab);
    RunningSum own = {-INFINITY, 0};
    for (int64_t i = (int64_t)thread_index() * CHUNK; i < p.vocab; i += (int64_t)thread_count() * CHUNK) {
        float eight[CHUNK];
        load_chunk(logits, i, eight);
        add_chunk(&own, eight);
    }
    float largest = over_block<Max>(own.largest);
    float sum = over_block<Sum>(own.sum == 0 ? 0.0f : own.sum * expf(own.largest - largest));
    if (thread_index() == 0) {
        // A largest logit that is infinite or NaN is the result; what is relative to it would be NaN at best.
        float log_sum = fabsf(largest) < INFINITY ? logf(sum) : 0.0f;
        p.log_sum_exp[row * p.lse_stride] = largest + log_sum;
        p.loss[row * p.loss_stride] = target == -1 ? 0.0f : largest - load<ANY>(logits.values, target, p.type) + log_sum;
    }
}
