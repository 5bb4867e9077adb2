// MlaSchedule: running sums of the splits of all sequences; one thread, for there are few sequences.
#include "faults.cuh"

struct MlaScheduleParams {
    int64_t words;
    const int32_t *lengths;
    int32_t *split_start;
    Faults *faults;
    int64_t sequences, split_rows, lengths_stride, split_stride;
};

KERNEL(mla_schedule, MlaScheduleParams, 32) {
    if (thread_index() != 0) {
        return;
    }
    int64_t splits = 0;
    p.split_start[0] = 0;
    for (int64_t b = 0; b < p.sequences; b++) {
        int64_t length = p.lengths[b * p.lengths_stride];
        if (length < 0) {
            report_fault(p.faults, LENGTHS, b, length, INT32_MAX);
            length = 0;
        }
        splits += (length + p.split_rows - 1) / p.split_rows;
        p.split_start[(b + 1) * p.split_stride] = (int32_t)splits;
    }
}
