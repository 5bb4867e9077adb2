// Sequences of queries and keys that only the device knows, and the tiles of queries that cover them.
#pragma once

#include "faults.cuh"

struct Ragged {
    const int32_t *query_start, *key_start;     // [sequences + 1]
    int64_t query_stride, key_stride, sequences, queries, keys;
};

struct Sequence {
    int64_t first_query, queries, first_key, keys;
};

// A tile's place: its sequence, and its first query within that; no queries where there is no such tile.
struct QueryTile {
    Sequence sequence;
    int64_t first;
};

DEVICE bool is_range(int64_t start, int64_t end, int64_t bound) { return start >= 0 && start <= end && end <= bound; }

// A sequence that leaves its rows counts as empty.
DEVICE Sequence sequence_of(const Ragged &r, int64_t number) {
    int64_t first_query = r.query_start[number * r.query_stride], end_query = r.query_start[(number + 1) * r.query_stride];
    int64_t first_key = r.key_start[number * r.key_stride], end_key = r.key_start[(number + 1) * r.key_stride];
    if (!is_range(first_query, end_query, r.queries) || !is_range(first_key, end_key, r.keys)) {
        return {0, 0, 0, 0};
    }
    return {first_query, end_query - first_query, first_key, end_key - first_key};
}

// Tiles are numbered through all sequences, those of one from its last queries to its first: with a causal mask the last see
// the most keys, and what takes long should begin early. There are at most queries / height + sequences.
DEVICE QueryTile query_tile(const Ragged &r, int height, int64_t number) {
    for (int64_t i = 0; i < r.sequences; i++) {
        Sequence sequence = sequence_of(r, i);
        int64_t tiles = (sequence.queries + height - 1) / height;
        if (number < tiles) {
            return {sequence, (tiles - 1 - number) * height};
        }
        number -= tiles;
    }
    return {{0, 0, 0, 0}, 0};
}

// Query i of n sees keys up to i + (m - n) of m, or all of them. How many that is.
DEVICE int64_t visible_keys(const Sequence &s, int64_t query, bool causal) {
    int64_t visible = causal ? query + s.keys - s.queries + 1 : s.keys;
    return visible < 0 ? 0 : visible;
}

DEVICE void report_bad_range(Faults *faults, int operand, int64_t number, int64_t start, int64_t end, int64_t bound) {
    bool first = start < 0 || start > bound;
    report_fault(faults, operand, number + !first, first ? start : end, bound + 1);
}

// To be called by one thread of the grid.
DEVICE void report_bad_sequences(const Ragged &r, Faults *faults) {
    for (int64_t i = 0; i < r.sequences; i++) {
        int64_t first_query = r.query_start[i * r.query_stride], end_query = r.query_start[(i + 1) * r.query_stride];
        int64_t first_key = r.key_start[i * r.key_stride], end_key = r.key_start[(i + 1) * r.key_stride];
        if (!is_range(first_query, end_query, r.queries)) {
            report_bad_range(faults, QUERY_START, i, first_query, end_query, r.queries);
        } else if (!is_range(first_key, end_key, r.keys)) {
            report_bad_range(faults, KEY_START, i, first_key, end_key, r.keys);
        }
    }
}
