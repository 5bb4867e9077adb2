// Segments of rows whose places only the device knows, and the tiles that cover them.
#pragma once

#include "faults.cuh"
#include "reduce.cuh"

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

DEVICE int64_t tiles_of(const Segment &segment, int height) { return (segment.count + height - 1) / height; }

// The scheduler: tiles of `height` rows are numbered through all segments, an empty one having none. Finds the segment of a
// tile and makes the number one within it; a count of 0 says that there is no such tile. Segments without overlap have at
// most rows / height + groups tiles.
//
// To be called by whole warps: each lane counts the tiles of its share of the groups, and the one whose share has the tile
// tells the others.
DEVICE Segment segment_of_tile(const Segments &s, int height, int64_t *tile) {
    int64_t share = (s.groups + WARP - 1) / WARP, first = thread_index() % WARP * share;
    int64_t end = first + share < s.groups ? first + share : s.groups, own = 0;
    for (int64_t group = first; group < end; group++) {
        own += tiles_of(segment_of(s, group), height);
    }
    int64_t number = *tile - before_in_warp(own);
    uint64_t place = 0, rows = 0;
    if (number >= 0 && number < own) {
        int64_t group = first;
        Segment segment = segment_of(s, group);
        while (number >= tiles_of(segment, height)) {
            number -= tiles_of(segment, height);
            segment = segment_of(s, ++group);
        }
        place = (uint64_t)group << 32 | (uint64_t)number;
        rows = (uint64_t)segment.start << 32 | (uint64_t)segment.count;
    }
    place = over_warp<Sum>(place);
    rows = over_warp<Sum>(rows);
    *tile = (int64_t)(place & 0xffffffffu);
    return {(int64_t)(place >> 32), (int64_t)(rows >> 32), (int64_t)(rows & 0xffffffffu)};
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
