// ExpertLoad: how often every expert was chosen. Integers, so it does not matter who adds first. A block counts in its own
// memory and adds to everybody's once.
#include "faults.cuh"

enum { LOAD_THREADS = 256, LOAD_EXPERTS = 1024 };

struct ExpertLoadParams {
    int64_t words;
    const int32_t *indices;
    int32_t *load;
    const int32_t *active_rows;
    Faults *faults;
    int64_t tokens, choices, experts, indices_stride, load_stride;
};

KERNEL(expert_load_clear, ExpertLoadParams, LOAD_THREADS) {
    for (int64_t e = grid_thread(); e < p.experts; e += grid_threads()) {
        p.load[e * p.load_stride] = 0;
    }
}

KERNEL(expert_load, ExpertLoadParams, LOAD_THREADS) {
    SHARED(int32_t, counts, LOAD_EXPERTS);
    bool shared = p.experts <= LOAD_EXPERTS;
    for (int64_t e = thread_index(); shared && e < p.experts; e += thread_count()) {
        counts[e] = 0;
    }
    sync_block();
    int64_t choices = live_rows(p.tokens, p.active_rows) * p.choices;
    for (int64_t i = grid_thread(); i < choices; i += grid_threads()) {
        int64_t expert = p.indices[i / p.choices * p.indices_stride + i % p.choices];
        if (expert >= 0 && expert < p.experts) {
            atomic_add(shared ? counts + expert : p.load + expert * p.load_stride, 1);
        } else if (expert != -1) {
            report_fault(p.faults, INDICES, i, expert, p.experts);
        }
    }
    sync_block();
    for (int64_t e = thread_index(); shared && e < p.experts; e += thread_count()) {
        if (counts[e] != 0) {
            atomic_add(p.load + e * p.load_stride, counts[e]);
        }
    }
}
