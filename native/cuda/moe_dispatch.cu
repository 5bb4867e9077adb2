// MoeDispatch: a stable sort of choices by expert, a block an expert. The first kernel counts and clears, the second gives
// out rows; between them every count is known. A thread has a run of neighbouring choices, so rows keep their order.
#include "faults.cuh"

enum { DISPATCH_THREADS = 256 };

struct MoeDispatchParams {
    int64_t words;
    const int32_t *indices;
    int32_t *segment_start, *segment_count, *row_token, *row_slot, *token_row;
    const int32_t *active_rows;
    Faults *faults;
    int64_t tokens, choices, indices_stride, token_row_stride, rows, first_expert, local_experts, alignment;
};

struct Run {
    int64_t begin, end;
};

// The choices of live tokens that belong to this thread.
DEVICE Run run_of_thread(const MoeDispatchParams &p) {
    int64_t all = live_rows(p.tokens, p.active_rows) * p.choices;
    int64_t length = (all + DISPATCH_THREADS - 1) / DISPATCH_THREADS;
    int64_t begin = thread_index() * length;
    return {begin < all ? begin : all, begin + length < all ? begin + length : all};
}

DEVICE int64_t expert_of(const MoeDispatchParams &p, int64_t choice) {
    return p.indices[choice / p.choices * p.indices_stride + choice % p.choices] - p.first_expert;
}

DEVICE int64_t matches_in(const MoeDispatchParams &p, Run run, int64_t expert) {
    int64_t count = 0;
    for (int64_t i = run.begin; i < run.end; i++) {
        count += expert_of(p, i) == expert;
    }
    return count;
}

KERNEL(moe_dispatch_count, MoeDispatchParams, DISPATCH_THREADS) {
    SHARED(int64_t, counts, DISPATCH_THREADS);
    int64_t live = live_rows(p.tokens, p.active_rows) * p.choices;
    for (int64_t i = grid_thread(); i < p.rows; i += grid_threads()) {
        p.row_token[i] = -1;
        p.row_slot[i] = -1;
    }
    for (int64_t i = grid_thread(); i < p.tokens * p.choices; i += grid_threads()) {
        int64_t expert = expert_of(p, i);
        if (i >= live || expert < 0 || expert >= p.local_experts) {
            p.token_row[i / p.choices * p.token_row_stride + i % p.choices] = -1;
        }
        if (i < live && expert + p.first_expert < -1) {
            report_fault(p.faults, INDICES, i, expert + p.first_expert, p.first_expert + p.local_experts);
        }
    }
    counts[thread_index()] = matches_in(p, run_of_thread(p), block_x());
    sync_block();
    if (thread_index() == 0) {
        int64_t count = 0;
        for (int i = 0; i < DISPATCH_THREADS; i++) {
            count += counts[i];
        }
        p.segment_count[block_x()] = (int32_t)count;
    }
}

KERNEL(moe_dispatch_rows, MoeDispatchParams, DISPATCH_THREADS) {
    SHARED(int64_t, counts, DISPATCH_THREADS);
    Run run = run_of_thread(p);
    counts[thread_index()] = matches_in(p, run, block_x());
    sync_block();
    int64_t row = 0;
    for (int64_t expert = 0; expert < block_x(); expert++) {
        row += (p.segment_count[expert] + p.alignment - 1) / p.alignment * p.alignment;
    }
    if (thread_index() == 0) {
        p.segment_start[block_x()] = (int32_t)row;
    }
    for (int i = 0; i < thread_index(); i++) {
        row += counts[i];
    }
    for (int64_t i = run.begin; i < run.end; i++) {
        if (expert_of(p, i) == block_x()) {
            p.row_token[row] = (int32_t)(i / p.choices);
            p.row_slot[row] = (int32_t)i;
            p.token_row[i / p.choices * p.token_row_stride + i % p.choices] = (int32_t)row;
            row++;
        }
    }
}
