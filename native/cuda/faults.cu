// Moves the reports of a graph's kernels to the record of the stream that replayed it; one thread.
#include "faults.cuh"

struct MergeFaultsParams {
    int64_t words;
    Faults *to;
    Faults *from;
};

KERNEL(merge_faults, MergeFaultsParams, 32) {
    if (p.from->count == 0) {
        return;
    }
    if (p.to->count == 0) {
        *p.to = *p.from;
    } else {
        p.to->count += p.from->count;
    }
    p.from->count = 0;
}
