// Segments of rows whose places only the device knows, and the tiles that cover them.
#pragma once

#include "faults.cuh"

struct Segments {
    const int32_t *start;       // null where every group has rows of its own, from 0 on
    const int32_t *count;
    int64_t groups, rows;       // rows: how many there are, of one group if start is null
};

struct Segment {
    int64_t group, start, count;
};

DEVICE bool is_segment_valid(const Segments &s, int64_t start, int64_t count) {
    return count >= 0 && start >= 0 && start + count <= s.rows;
}

// A segment that leaves its rows counts as empty.
DEVICE Segment segment_of(const Segments &s, int64_t group) {
    int64_t start = s.start == nullptr ? 0 : s.start[group], count = s.count[group];
    return {group, start, is_segment_valid(s, start, count) ? count : 0};
}

// The scheduler: tiles of `height` rows are numbered through all segments, an empty one having none. Finds the segment of a
// tile and makes the number one within it; a count of 0 says that there is no such tile. Segments without overlap have at
// most rows / height + groups tiles.
DEVICE Segment segment_of_tile(const Segments &s, int height, int64_t *tile) {
    for (int64_t group = 0; group < s.groups; group++) {
        Segment segment = segment_of(s, group);
        int64_t tiles = (segment.count + height - 1) / height;
        if (*tile < tiles) {
            return segment;
        }
        *tile -= tiles;
    }
    return {0, 0, 0};
}

// To be called by one thread of the grid.
DEVICE void report_bad_segments(const Segments &s, Faults *faults) {
    for (int64_t group = 0; group < s.groups; group++) {
        int64_t start = s.start == nullptr ? 0 : s.start[group], count = s.count[group];
        if (is_segment_valid(s, start, count)) {
            continue;
        }
        if (start < 0 || start > s.rows) {
            report_fault(faults, SEGMENT_START, group, start, s.rows + 1);
        } else {
            report_fault(faults, SEGMENT_COUNT, group, count, s.rows - start + 1);
        }
    }
}
