// Functions of the kernels' headers that need no threads, over all that is small: each check answers how often it failed.
#include "block.h"

#include "codes_tile.cuh"
#include "ragged.cuh"
#include "ranking.cuh"
#include "triangle.cuh"

#include <cmath>
#include <vector>

#define CHECK extern "C" __attribute__((visibility("default"))) int

// Every tile on and below the diagonal once, row by row; and the ends of rows as far as a grid goes.
CHECK halcyon_check_triangle() {
    int failures = 0;
    int64_t number = 0;
    for (int64_t row = 0; row < 600; row++) {
        for (int64_t column = 0; column <= row; column++) {
            TriangleTile tile = triangle_tile(number++);
            failures += tile.row != row || tile.column != column;
        }
    }
    for (int64_t row = 1; triangle_tiles(row) < INT32_MAX; row++) {
        TriangleTile last = triangle_tile(triangle_tiles(row) - 1), next = triangle_tile(triangle_tiles(row));
        failures += last.row != row - 1 || last.column != row - 1 || next.row != row || next.column != 0;
    }
    return failures;
}

// The order of all pairs of some values and places.
CHECK halcyon_check_ranking() {
    const float values[] = {INFINITY, 3e38f, 2, 1, 1e-38f, 1e-45f, 0, -0.0f, -1e-45f, -1, -2, -3e38f, -INFINITY, NAN};
    const int64_t places[] = {0, 1, 255, 256, 65535, 65536, 1 << 24, INT32_MAX};
    int failures = 0;
    for (float a : values) {
        for (float b : values) {
            for (int64_t i : places) {
                for (int64_t j : places) {
                    bool equal = a == b || (a != a && b != b);
                    bool before = a == a && b != b ? true : a != a && b == b ? false : equal ? i < j : a > b;
                    bool same = equal && i == j;
                    failures += same ? rank_key(a, i) != rank_key(b, j) : before != (rank_key(a, i) > rank_key(b, j));
                    failures += index_of_key(rank_key(a, i)) != i || is_key_of_number(rank_key(a, i)) != (a == a);
                }
            }
        }
    }
    return failures;
}

static int uncovered(const Ragged &r, int height) {
    std::vector<int> seen(r.queries, 0);
    int failures = 0;
    int64_t tiles = r.queries / height + r.sequences;
    for (int64_t number = 0; number < tiles + 3; number++) {
        QueryTile tile = query_tile(r, height, number);
        for (int64_t i = 0; i < height && tile.first + i < tile.sequence.queries; i++) {
            seen[tile.sequence.first_query + tile.first + i]++;
        }
    }
    for (int64_t i = 0; i < r.sequences; i++) {
        Sequence sequence = sequence_of(r, i);
        for (int64_t q = 0; q < sequence.queries; q++) {
            failures += seen[sequence.first_query + q] != 1;
            int64_t causal = visible_keys(sequence, q, true);
            int64_t wanted = q + sequence.keys - sequence.queries + 1;
            failures += causal != (wanted < 0 ? 0 : wanted) || causal > sequence.keys;
        }
    }
    for (int64_t q = r.query_start[r.sequences]; q < r.queries; q++) {
        failures += seen[q] != 0;
    }
    return failures;
}

// Every combination of lengths around the edges of tiles, and a sequence that lies outside.
CHECK halcyon_check_ragged() {
    const int32_t lengths[] = {0, 1, 63, 64, 65, 130}, keys[] = {0, 1, 64, 200};
    int failures = 0;
    for (int32_t a : lengths) {
        for (int32_t b : lengths) {
            for (int32_t c : lengths) {
                for (int32_t k : keys) {
                    int32_t query_start[] = {0, a, a + b, a + b + c}, key_start[] = {0, k, k, k + 5};
                    failures += uncovered({query_start, key_start, 1, 1, 3, a + b + c + 7, k + 5}, 64);
                    key_start[1] = 1000;
                    failures += sequence_of({query_start, key_start, 1, 1, 3, a + b + c, k + 5}, 0).queries != 0;
                }
            }
        }
    }
    return failures;
}

// Every code, by two ways.
CHECK halcyon_check_codes() {
    int failures = 0;
    for (int64_t type : {(int64_t)F8_E4M3, (int64_t)F8_E5M2, (int64_t)F4_E2M1, (int64_t)I4}) {
        bool is_nibble = type == F4_E2M1 || type == I4;
        for (uint32_t code = 0; code < (is_nibble ? 16u : 256u); code++) {
            uint8_t bytes[4] = {(uint8_t)code};
            float wanted = weight_value(bytes, 0, type), got = bf16_to_float((uint16_t)code_to_bf16(code, type));
            failures += wanted != wanted ? got == got : bits_of(wanted) != bits_of(got);
            uint32_t low = is_nibble ? code * 0x11111111u : code * 0x01010101u;
            uint4 eight = decode_eight(low, low, type, is_nibble);
            uint32_t pair = code_to_bf16(code, type) * 0x10001u;
            failures += eight.x != pair || eight.y != pair || eight.z != pair || eight.w != pair;
        }
    }
    // The order within a word.
    uint4 bytes = decode_eight(0x03020100u, 0x07060504u, F8_E4M3, false), nibbles = decode_eight(0x76543210u, 0, I4, true);
    for (uint32_t i = 0; i < 8; i++) {
        uint32_t b[] = {bytes.x, bytes.y, bytes.z, bytes.w}, n[] = {nibbles.x, nibbles.y, nibbles.z, nibbles.w};
        failures += (b[i / 2] >> 16 * (i % 2) & 0xffff) != code_to_bf16(i, F8_E4M3);
        failures += (n[i / 2] >> 16 * (i % 2) & 0xffff) != code_to_bf16(i, I4);
    }
    return failures;
}
