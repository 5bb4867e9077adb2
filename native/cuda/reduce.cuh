// Sums and maxima over a warp or a block, in an order that depends on the number of threads alone.
#pragma once

#include "device.cuh"

#include <math.h>

enum { MOST_WARPS = 32 };

struct Sum {
    template <class T>
    static DEVICE T start() { return 0; }
    template <class T>
    static DEVICE T of(T a, T b) { return a + b; }
};

// A NaN wins, wherever it is.
struct Max {
    template <class T>
    static DEVICE T start() { return -INFINITY; }
    template <class T>
    static DEVICE T of(T a, T b) { return a > b || a != a ? a : b; }
};

// The same result in every lane, because each step combines the same pairs in both lanes, in the same order.
template <class Operation, class T>
DEVICE T over_warp(T value) {
    for (int mask = WARP / 2; mask > 0; mask /= 2) {
        T other = exchange(value, mask);
        bool low = (thread_index() & mask) == 0;
        value = Operation::of(low ? value : other, low ? other : value);
    }
    return value;
}

// What the lanes before this one have together.
template <class T>
DEVICE T before_in_warp(T own) {
    T before = 0, both = own;
    for (int mask = 1; mask < WARP; mask *= 2) {
        T other = exchange(both, mask);
        before += thread_index() & mask ? other : 0;
        both += other;
    }
    return before;
}

// The same result in every thread; the block has whole warps.
template <class Operation, class T>
DEVICE T over_block(T value) {
    SHARED(T, partial, MOST_WARPS);
    value = over_warp<Operation>(value);
    int warps = thread_count() / WARP;
    sync_block();
    if (thread_index() % WARP == 0) {
        partial[thread_index() / WARP] = value;
    }
    sync_block();
    T all = partial[0];
    for (int warp = 1; warp < warps; warp++) {
        all = Operation::of(all, partial[warp]);
    }
    return all;
}

// Who works on a row: a warp where rows are short, else a block. The choice depends on the length of a row alone, so a row's
// result does not depend on how many there are.
struct RowTeam {
    int64_t row;
    int lane;
    int size;
};

enum { ROW_THREADS = 256, WARP_ROW = 512 };

DEVICE RowTeam row_team(int64_t dim) {
    if (dim <= WARP_ROW) {
        int64_t warps = thread_count() / WARP;
        return {block_x() * warps + thread_index() / WARP, thread_index() % WARP, WARP};
    }
    return {block_x(), thread_index(), thread_count()};
}

template <class Operation, class T>
DEVICE T over_team(const RowTeam &team, T value) {
    return team.size == WARP ? over_warp<Operation>(value) : over_block<Operation>(value);
}
