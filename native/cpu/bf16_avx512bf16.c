/*
 * Products of packed BF16 rows (left_rows.h) with one BF16 panel, on vectors.
 *
 * Order of a sum: vdpbf16ps adds the products of one pair, the odd one first; pairs follow each other. It is the same
 * for one row and for many, and wherever a run of pairs is cut.
 */
#include "left_rows.h"

#include <immintrin.h>

#define PAIR_BYTES 128 /* of a panel */

#define ROWS_1(DO) DO(0)
#define ROWS_2(DO) ROWS_1(DO) DO(1)
#define ROWS_4(DO) ROWS_2(DO) DO(2) DO(3)
#define ROWS_8(DO) ROWS_4(DO) DO(4) DO(5) DO(6) DO(7)

#define ZERO(i) __m512 left##i = _mm512_setzero_ps(), right##i = left##i;
#define LOAD(i) left##i = _mm512_loadu_ps(sums + (i) * pitch), right##i = _mm512_loadu_ps(sums + (i) * pitch + 64);
#define STORE(i) _mm512_storeu_ps(sums + (i) * pitch, left##i), _mm512_storeu_ps(sums + (i) * pitch + 64, right##i);
#define MULTIPLY(i)                                                                                                    \
    {                                                                                                                  \
        __m512bh pair = (__m512bh)_mm512_set1_epi32(*(const int32_t *)(rows + (i) * ROW_BYTES));                       \
        left##i = _mm512_dpbf16_ps(left##i, pair, a);                                                                  \
        right##i = _mm512_dpbf16_ps(right##i, pair, b);                                                                \
    }

/* A register tile of R rows and the 32 columns of a panel. */
#define DEFINE_TILE(R)                                                                                                 \
    static void add_##R(const char *rows, int64_t step_bytes, const char *panel, int64_t pairs, char *sums,            \
                        int64_t pitch, int first)                                                                      \
    {                                                                                                                  \
        ROWS_##R(ZERO)                                                                                                 \
        if (!first) {                                                                                                  \
            ROWS_##R(LOAD)                                                                                             \
        }                                                                                                              \
        for (int64_t done = 0; done < pairs; done += STEP_PAIRS) {                                                     \
            const char *next_step = rows + step_bytes;                                                                 \
            int64_t count = at_most(pairs - done, STEP_PAIRS);                                                         \
            for (int64_t j = 0; j < count; j++) {                                                                      \
                __m512bh a = (__m512bh)_mm512_loadu_si512(panel);                                                      \
                __m512bh b = (__m512bh)_mm512_loadu_si512(panel + 64);                                                 \
                ROWS_##R(MULTIPLY)                                                                                     \
                rows += 4;                                                                                             \
                panel += PAIR_BYTES;                                                                                   \
            }                                                                                                          \
            rows = next_step;                                                                                          \
        }                                                                                                              \
        ROWS_##R(STORE)                                                                                                \
    }

DEFINE_TILE(1)
DEFINE_TILE(2)
DEFINE_TILE(4)
DEFINE_TILE(8)

/* As hcpu_bf16_tiles; what later calls will read is left to the processor to foresee. */
HCPU_EXPORT void hcpu_bf16_vectors(const char *left, int64_t rows, const char *panel, int64_t pairs, char *sums,
                                   int64_t sums_pitch, int32_t first, const char *next_panel, int64_t next_panel_bytes,
                                   const char *next_left, int64_t next_left_bytes)
{
    (void)next_panel, (void)next_panel_bytes, (void)next_left, (void)next_left_bytes;
    int64_t steps = (pairs + STEP_PAIRS - 1) / STEP_PAIRS;
    for (int64_t row = 0; row < rows; row += BLOCK_ROWS) {
        int64_t count = at_most(rows - row, BLOCK_ROWS);
        const char *block = left + row * steps * ROW_BYTES;
        for (int64_t i = 0; i < count;) {
            const char *at = block + i * ROW_BYTES;
            char *to = sums + (row + i) * sums_pitch;
            if (count - i >= 8) {
                add_8(at, count * ROW_BYTES, panel, pairs, to, sums_pitch, first);
                i += 8;
            } else if (count - i >= 4) {
                add_4(at, count * ROW_BYTES, panel, pairs, to, sums_pitch, first);
                i += 4;
            } else if (count - i >= 2) {
                add_2(at, count * ROW_BYTES, panel, pairs, to, sums_pitch, first);
                i += 2;
            } else {
                add_1(at, count * ROW_BYTES, panel, pairs, to, sums_pitch, first);
                i += 1;
            }
        }
    }
}
