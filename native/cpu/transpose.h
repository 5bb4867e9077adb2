/*
 * Transposition of 16 x 16 words of 32 bits in registers.
 */
#ifndef HCPU_TRANSPOSE_H
#define HCPU_TRANSPOSE_H

#include <immintrin.h>

/* Named variables in, named variables out: r0 to r15 become their own transpose. */
#define TRANSPOSE_16(r0, r1, r2, r3, r4, r5, r6, r7, r8, r9, r10, r11, r12, r13, r14, r15)                             \
    do {                                                                                                               \
        __m512i a0 = _mm512_unpacklo_epi32(r0, r1), a1 = _mm512_unpackhi_epi32(r0, r1);                                \
        __m512i a2 = _mm512_unpacklo_epi32(r2, r3), a3 = _mm512_unpackhi_epi32(r2, r3);                                \
        __m512i a4 = _mm512_unpacklo_epi32(r4, r5), a5 = _mm512_unpackhi_epi32(r4, r5);                                \
        __m512i a6 = _mm512_unpacklo_epi32(r6, r7), a7 = _mm512_unpackhi_epi32(r6, r7);                                \
        __m512i a8 = _mm512_unpacklo_epi32(r8, r9), a9 = _mm512_unpackhi_epi32(r8, r9);                                \
        __m512i a10 = _mm512_unpacklo_epi32(r10, r11), a11 = _mm512_unpackhi_epi32(r10, r11);                          \
        __m512i a12 = _mm512_unpacklo_epi32(r12, r13), a13 = _mm512_unpackhi_epi32(r12, r13);                          \
        __m512i a14 = _mm512_unpacklo_epi32(r14, r15), a15 = _mm512_unpackhi_epi32(r14, r15);                          \
        __m512i b0 = _mm512_unpacklo_epi64(a0, a2), b1 = _mm512_unpackhi_epi64(a0, a2);                                \
        __m512i b2 = _mm512_unpacklo_epi64(a1, a3), b3 = _mm512_unpackhi_epi64(a1, a3);                                \
        __m512i b4 = _mm512_unpacklo_epi64(a4, a6), b5 = _mm512_unpackhi_epi64(a4, a6);                                \
        __m512i b6 = _mm512_unpacklo_epi64(a5, a7), b7 = _mm512_unpackhi_epi64(a5, a7);                                \
        __m512i b8 = _mm512_unpacklo_epi64(a8, a10), b9 = _mm512_unpackhi_epi64(a8, a10);                              \
        __m512i b10 = _mm512_unpacklo_epi64(a9, a11), b11 = _mm512_unpackhi_epi64(a9, a11);                            \
        __m512i b12 = _mm512_unpacklo_epi64(a12, a14), b13 = _mm512_unpackhi_epi64(a12, a14);                          \
        __m512i b14 = _mm512_unpacklo_epi64(a13, a15), b15 = _mm512_unpackhi_epi64(a13, a15);                          \
        __m512i c0 = _mm512_shuffle_i32x4(b0, b4, 0x88), c4 = _mm512_shuffle_i32x4(b0, b4, 0xdd);                      \
        __m512i c8 = _mm512_shuffle_i32x4(b8, b12, 0x88), c12 = _mm512_shuffle_i32x4(b8, b12, 0xdd);                   \
        __m512i c1 = _mm512_shuffle_i32x4(b1, b5, 0x88), c5 = _mm512_shuffle_i32x4(b1, b5, 0xdd);                      \
        __m512i c9 = _mm512_shuffle_i32x4(b9, b13, 0x88), c13 = _mm512_shuffle_i32x4(b9, b13, 0xdd);                   \
        __m512i c2 = _mm512_shuffle_i32x4(b2, b6, 0x88), c6 = _mm512_shuffle_i32x4(b2, b6, 0xdd);                      \
        __m512i c10 = _mm512_shuffle_i32x4(b10, b14, 0x88), c14 = _mm512_shuffle_i32x4(b10, b14, 0xdd);                \
        __m512i c3 = _mm512_shuffle_i32x4(b3, b7, 0x88), c7 = _mm512_shuffle_i32x4(b3, b7, 0xdd);                      \
        __m512i c11 = _mm512_shuffle_i32x4(b11, b15, 0x88), c15 = _mm512_shuffle_i32x4(b11, b15, 0xdd);                \
        r0 = _mm512_shuffle_i32x4(c0, c8, 0x88);                                                                       \
        r8 = _mm512_shuffle_i32x4(c0, c8, 0xdd);                                                                       \
        r4 = _mm512_shuffle_i32x4(c4, c12, 0x88);                                                                      \
        r12 = _mm512_shuffle_i32x4(c4, c12, 0xdd);                                                                     \
        r1 = _mm512_shuffle_i32x4(c1, c9, 0x88);                                                                       \
        r9 = _mm512_shuffle_i32x4(c1, c9, 0xdd);                                                                       \
        r5 = _mm512_shuffle_i32x4(c5, c13, 0x88);                                                                      \
        r13 = _mm512_shuffle_i32x4(c5, c13, 0xdd);                                                                     \
        r2 = _mm512_shuffle_i32x4(c2, c10, 0x88);                                                                      \
        r10 = _mm512_shuffle_i32x4(c2, c10, 0xdd);                                                                     \
        r6 = _mm512_shuffle_i32x4(c6, c14, 0x88);                                                                      \
        r14 = _mm512_shuffle_i32x4(c6, c14, 0xdd);                                                                     \
        r3 = _mm512_shuffle_i32x4(c3, c11, 0x88);                                                                      \
        r11 = _mm512_shuffle_i32x4(c3, c11, 0xdd);                                                                     \
        r7 = _mm512_shuffle_i32x4(c7, c15, 0x88);                                                                      \
        r15 = _mm512_shuffle_i32x4(c7, c15, 0xdd);                                                                     \
    } while (0)

/* DO(i) for each of the 16. */
#define FOR_16(DO)                                                                                                     \
    DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7) DO(8) DO(9) DO(10) DO(11) DO(12) DO(13) DO(14) DO(15)

#endif
