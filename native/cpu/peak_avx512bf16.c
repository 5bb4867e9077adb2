/*
 * The most multiply-adds a core can do from registers, in F32 and with the dot product of BF16 pairs. Each function
 * returns the number of operations, a multiply-add counting as two; the caller takes the time.
 *
 * Twelve independent sums hide the latency of two units of four to six cycles.
 */
#include "hcpu.h"

#include <immintrin.h>

/* For each sum; named variables, because compilers leave an array of vectors in memory. */
#define TWELVE(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7) DO(8) DO(9) DO(10) DO(11)

/* The empty assembly keeps every step in the loop. */
#define START(i) __m512 s##i = _mm512_set1_ps((float)i);
#define STEP_F32(i) s##i = _mm512_fmadd_ps(s##i, x, x); __asm__ volatile("" : "+v"(s##i));
#define STEP_BF16(i) s##i = _mm512_dpbf16_ps(s##i, x, x); __asm__ volatile("" : "+v"(s##i));

HCPU_EXPORT double hcpu_peak_f32(int64_t steps)
{
    __m512 x = _mm512_set1_ps(0.5f);
    TWELVE(START)
    for (int64_t k = 0; k < steps; k++) {
        TWELVE(STEP_F32)
    }
    return (double)steps * 12 * 16 * 2;
}

HCPU_EXPORT double hcpu_peak_bf16(int64_t steps)
{
    __m512bh x = (__m512bh)_mm512_set1_epi16(0x3f00);
    TWELVE(START)
    for (int64_t k = 0; k < steps; k++) {
        TWELVE(STEP_BF16)
    }
    return (double)steps * 12 * 32 * 2;
}
