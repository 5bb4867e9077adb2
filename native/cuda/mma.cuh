// The matrix instruction that every GPU since Ampere has: 16x8 += 16x16 times 16x8, BF16 with sums in F32.
//
// Fragments (PTX ISA, "Matrix Fragments for mma.m16n8k16"): with g = lane / 4 and t = lane % 4, a lane holds two neighbours
// along k in every register. a[0] is row g, k 2t; a[1] row g + 8; a[2] row g, k 2t + 8; a[3] row g + 8, k 2t + 8. b[0] is
// k 2t, column g; b[1] k 2t + 8. c[0], c[1] are row g, columns 2t and 2t + 1; c[2], c[3] the same of row g + 8.
#pragma once

#include "formats.cuh"

#ifdef HALCYON_HOST

DEVICE float mma_product(const uint32_t (*a)[4], const uint32_t (*b)[2], int row, int column) {
    float sum = 0;
    for (int k = 0; k < 16; k++) {
        int lane_part = k % 8 / 2, half = k % 2 * 16;
        uint32_t x = a[row % 8 * 4 + lane_part][row / 8 + k / 8 * 2] >> half;
        uint32_t y = b[column * 4 + lane_part][k / 8] >> half;
        sum += bf16_to_float((uint16_t)x) * bf16_to_float((uint16_t)y);
    }
    return sum;
}

inline void mma_bf16(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
    SHARED(uint32_t, all_a, 1024)[4];
    SHARED(uint32_t, all_b, 1024)[2];
    int lane = thread_index() % WARP, first = thread_index() - lane;
    memcpy(all_a[thread_index()], a, sizeof a);
    memcpy(all_b[thread_index()], b, sizeof b);
    sync_warp();
    for (int i = 0; i < 4; i++) {
        c[i] += mma_product(all_a + first, all_b + first, lane / 4 + i / 2 * 8, lane % 4 * 2 + i % 2);
    }
    sync_warp();
}

#else

DEVICE void mma_bf16(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

#endif
