// Reduce: one number from all elements of one or more tensors. For every tensor a first kernel leaves a partial result a
// block, and a second, of one block, combines them with what the earlier tensors gave. In F64, so that squares of F32 do not
// overflow; the order depends on the numbers of elements alone.
#include "formats.cuh"
#include "reduce.cuh"

enum { REDUCE_SUM = 0, REDUCE_MAX = 1, REDUCE_NORM = 2 };

struct ReducePartsParams {
    int64_t words;
    const void *x;
    double *parts;
    int64_t type, elements, operation;
};

struct ReduceEndParams {
    int64_t words;
    const double *parts;
    double *total;          // of the tensors so far
    float *out;             // null but for the last tensor
    int64_t count, operation, is_first;
};

template <class Operation>
DEVICE double reduce_share(const ReducePartsParams &p) {
    double value = Operation::template start<double>();
    for (int64_t i = grid_thread(); i < p.elements; i += grid_threads()) {
        double x = load_wide(p.x, i, p.type);
        value = Operation::of(value, p.operation == REDUCE_NORM ? x * x : x);
    }
    return over_block<Operation>(value);
}

KERNEL(reduce_parts, ReducePartsParams, 256) {
    double value = p.operation == REDUCE_MAX ? reduce_share<Max>(p) : reduce_share<Sum>(p);
    if (thread_index() == 0) {
        p.parts[block_x()] = value;
    }
}

template <class Operation>
DEVICE double reduce_all(const ReduceEndParams &p) {
    double value = Operation::template start<double>();
    for (int64_t i = thread_index(); i < p.count; i += thread_count()) {
        value = Operation::of(value, p.parts[i]);
    }
    value = over_block<Operation>(value);
    return p.is_first ? value : Operation::of(*p.total, value);
}

KERNEL(reduce_end, ReduceEndParams, 256) {
    double value = p.operation == REDUCE_MAX ? reduce_all<Max>(p) : reduce_all<Sum>(p);
    sync_block();
    if (thread_index() == 0) {
        *p.total = value;
        if (p.out != nullptr) {
            *p.out = (float)(p.operation == REDUCE_NORM ? sqrt(value) : value);
        }
    }
}
