// The matrix instruction that every GPU since Ampere has, and how tiles come into shared memory and from there into
// registers: 16x8 += 16x16 times 16x8, BF16 or F16 with sums in F32.
//
// Fragments (PTX ISA, "Matrix Fragments for mma.m16n8k16"): with g = lane / 4 and t = lane % 4, a lane holds two neighbours
// along k in every register. a[0] is row g, k 2t; a[1] row g + 8; a[2] row g, k 2t + 8; a[3] row g + 8, k 2t + 8. b[0] is
// k 2t, column g; b[1] k 2t + 8. c[0], c[1] are row g, columns 2t and 2t + 1; c[2], c[3] the same of row g + 8.
#pragma once

#include "formats.cuh"

#ifdef HALCYON_HOST

template <int Type>
DEVICE void half_pair(uint32_t pair, float *to) {
    to[0] = load<Type>(&pair, 0, Type);
    to[1] = load<Type>(&pair, 1, Type);
}

// Everybody shows what he holds, then takes what he needs. There are two places in turn, so that nobody is overtaken.
template <int Type>
inline void mma(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
    SHARED(float, all_a, 2)[32][16][16];
    SHARED(float, all_b, 2)[32][8][16];
    SHARED(int, turns, 1024);
    int warp = thread_index() / WARP, g = thread_index() % WARP / 4, pair = thread_index() % 4 * 2;
    int turn = turns[thread_index()]++ & 1;
    float(*rows)[16] = all_a[turn][warp], (*columns)[16] = all_b[turn][warp];
    for (int r = 0; r < 4; r++) {
        half_pair<Type>(a[r], rows[g + r % 2 * 8] + pair + r / 2 * 8);
    }
    for (int r = 0; r < 2; r++) {
        half_pair<Type>(b[r], columns[g] + pair + r * 8);
    }
    sync_warp();
    for (int i = 0; i < 4; i++) {
        const float *row = rows[g + i / 2 * 8], *column = columns[pair + i % 2];
        float sum = 0;
        for (int k = 0; k < 16; k++) {
            sum += row[k] * column[k];
        }
        c[i] += sum;
    }
}

// As the instruction below says.
template <bool Transposed>
inline void load_matrices(uint32_t (&to)[4], const uint16_t *row) {
    SHARED(const uint16_t *, all_rows, 2)[1024];
    SHARED(int, turns, 1024);
    int lane = thread_index() % WARP, first = thread_index() - lane, pair = lane % 4 * 2, g = lane / 4;
    const uint16_t **rows = all_rows[turns[thread_index()]++ & 1] + first;
    rows[lane] = row;
    sync_warp();
    for (int i = 0; i < 4; i++) {
        const uint16_t **matrix = rows + 8 * i;
        to[i] = Transposed ? matrix[pair][g] | (uint32_t)matrix[pair + 1][g] << 16
                           : matrix[g][pair] | (uint32_t)matrix[g][pair + 1] << 16;
    }
}

#else

template <int Type>
DEVICE void mma(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
    if (Type == F16) {
        asm volatile(
            "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
            : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
            : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
    } else {
        asm volatile(
            "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
            : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
            : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
    }
}

// Four 8x8 matrices from shared memory; lane i says where a row of eight elements begins, at a multiple of 16 bytes: row
// i % 8 of matrix i / 8. A lane gets, of every matrix, row g, columns 2t and 2t + 1, or, transposed, rows 2t and 2t + 1,
// column g.
template <bool Transposed>
DEVICE void load_matrices(uint32_t (&to)[4], const uint16_t *row) {
    uint32_t at = (uint32_t)__cvta_generic_to_shared(row);
    if (Transposed) {
        asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                     : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
                     : "r"(at)
                     : "memory");
    } else {
        asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                     : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
                     : "r"(at)
                     : "memory");
    }
}

#endif
