// Bad indices: a kernel skips the row and leaves a report, which the host finds when it next waits.
#pragma once

#include "device.cuh"

// As FaultRecord in the backend reads it; all but the count belong to the first report.
struct Faults {
    uint64_t count;
    int64_t operand, position, index, bound;
};

// Numbers of FaultOperand in the backend.
enum FaultOperand {
    IDS = 0,
    SEGMENT_COUNT = 1,
    SEGMENT_START = 2,
    SLOTS = 3,
    TOKEN_ROW = 4,
    INDICES = 5,
    TOKEN_IDS = 6,
    EXPERT_TABLE = 7,
    STEP = 8,
    LENGTHS = 9,
    BLOCK_TABLE = 10,
    LOGITS = 11,
    TARGETS = 12,
    QUERY_START = 13,
    KEY_START = 14,
    SEQUENCE_START = 15
};

DEVICE void report_fault(Faults *faults, int operand, int64_t position, int64_t index, int64_t bound) {
    if (atomic_add(&faults->count, 1) == 0) {
        faults->operand = operand;
        faults->position = position;
        faults->index = index;
        faults->bound = bound;
    }
}
