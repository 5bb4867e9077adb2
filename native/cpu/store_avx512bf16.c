/*
 * From F32 sums to results, and the lower half of symmetric results.
 *
 * Everything is computed in F32 and rounded once, to nearest even; subnormal results are kept.
 */
#include "transpose.h"
#include "hcpu.h"

enum type { F32 = 0, BF16 = 1, F16 = 2 };

static inline __m512 widen(enum type type, const char *from, __mmask16 mask)
{
    switch (type) {
    case F32:
        return _mm512_maskz_loadu_ps(mask, from);
    case BF16:
        return _mm512_castsi512_ps(
            _mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask, from)), 16));
    default:
        return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(mask, from));
    }
}

/* Not vcvtneps2bf16, which takes subnormals as zero. */
static inline __m256i to_bf16(__m512 value)
{
    __m512i bits = _mm512_castps_si512(value);
    __m512i high = _mm512_srli_epi32(bits, 16);
    __m512i lowest = _mm512_and_si512(high, _mm512_set1_epi32(1));
    __m512i rounded =
        _mm512_srli_epi32(_mm512_add_epi32(_mm512_add_epi32(bits, lowest), _mm512_set1_epi32(0x7fff)), 16);
    /* A NaN with a full mantissa would carry into the sign. */
    __mmask16 nan = _mm512_cmp_ps_mask(value, value, _CMP_UNORD_Q);
    rounded = _mm512_mask_or_epi32(rounded, nan, high, _mm512_set1_epi32(0x40));
    return _mm512_cvtepi32_epi16(rounded);
}

static inline void narrow(enum type type, __m512 value, char *to, __mmask16 mask)
{
    switch (type) {
    case F32:
        _mm512_mask_storeu_ps(to, mask, value);
        break;
    case BF16:
        _mm256_mask_storeu_epi16(to, mask, to_bf16(value));
        break;
    default:
        _mm256_mask_storeu_epi16(to, mask, _mm512_cvtps_ph(value, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
    }
}

static inline __attribute__((always_inline)) void store_rows(enum type type, const char *sums, int64_t sums_pitch,
                                                             int64_t rows, int64_t columns, float alpha, float beta,
                                                             const char *addend, int64_t addend_pitch, char *out,
                                                             int64_t out_pitch)
{
    int64_t bytes = type == F32 ? 4 : 2;
    __m512 a = _mm512_set1_ps(alpha), b = _mm512_set1_ps(beta);
    for (int64_t row = 0; row < rows; row++) {
        for (int64_t column = 0; column < columns; column += 16) {
            __mmask16 mask = columns - column >= 16 ? (__mmask16)~0 : (__mmask16)((1u << (columns - column)) - 1);
            __m512 value = _mm512_mul_ps(_mm512_maskz_loadu_ps(mask, sums + row * sums_pitch + column * 4), a);
            if (beta != 0) {
                __m512 old = widen(type, addend + row * addend_pitch + column * bytes, mask);
                value = _mm512_add_ps(_mm512_mul_ps(old, b), value);
            }
            narrow(type, value, out + row * out_pitch + column * bytes, mask);
        }
    }
}

/* out = alpha * sums + beta * addend; with beta 0 the addend is not read. Pitches count bytes. */
HCPU_EXPORT void hcpu_store(int32_t type, const char *sums, int64_t sums_pitch, int64_t rows, int64_t columns,
                            float alpha, float beta, const char *addend, int64_t addend_pitch, char *out,
                            int64_t out_pitch)
{
    switch (type) {
    case F32:
        store_rows(F32, sums, sums_pitch, rows, columns, alpha, beta, addend, addend_pitch, out, out_pitch);
        break;
    case BF16:
        store_rows(BF16, sums, sums_pitch, rows, columns, alpha, beta, addend, addend_pitch, out, out_pitch);
        break;
    default:
        store_rows(F16, sums, sums_pitch, rows, columns, alpha, beta, addend, addend_pitch, out, out_pitch);
    }
}

static inline __m512i load_words(int wide, const char *from, __mmask16 mask)
{
    return wide ? _mm512_maskz_loadu_epi32(mask, from) : _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask, from));
}

static inline void store_words(int wide, __m512i words, char *to, __mmask16 mask)
{
    if (wide) {
        _mm512_mask_storeu_epi32(to, mask, words);
    } else {
        _mm256_mask_storeu_epi16(to, mask, _mm512_cvtepi32_epi16(words));
    }
}

static inline __mmask16 first_words(int64_t count)
{
    return count >= 16 ? (__mmask16)~0 : count <= 0 ? 0 : (__mmask16)((1u << count) - 1);
}

static inline __attribute__((always_inline)) void mirror_rows(int wide, char *matrix, int64_t pitch, int64_t first_row,
                                                              int64_t end_row)
{
    int64_t bytes = wide ? 4 : 2;
    for (int64_t row = first_row; row < end_row; row += 16) {
        for (int64_t column = 0; column <= row; column += 16) {
            __mmask16 mask = first_words(end_row - row);
            const char *from = matrix + column * pitch + row * bytes;
            char *to = matrix + row * pitch + column * bytes;
#define LOAD(i)                                                                                                        \
    __m512i r##i = column + (i) < end_row ? load_words(wide, from + (i) * pitch, mask) : _mm512_setzero_si512();
            FOR_16(LOAD)
#undef LOAD
            TRANSPOSE_16(r0, r1, r2, r3, r4, r5, r6, r7, r8, r9, r10, r11, r12, r13, r14, r15);
#define STORE(i)                                                                                                       \
    if (row + (i) < end_row) {                                                                                         \
        store_words(wide, r##i, to + (i) * pitch, first_words(row + (i) - column));                                    \
    }
            FOR_16(STORE)
#undef STORE
        }
    }
}

/*
 * Copies what is above the diagonal of a square matrix below it, for the rows from `first_row` (a multiple of 16) to
 * `end_row`. Elements have 32 bits if `wide`, else 16.
 */
HCPU_EXPORT void hcpu_mirror(int32_t wide, char *matrix, int64_t pitch, int64_t first_row, int64_t end_row)
{
    if (wide) {
        mirror_rows(1, matrix, pitch, first_row, end_row);
    } else {
        mirror_rows(0, matrix, pitch, first_row, end_row);
    }
}
