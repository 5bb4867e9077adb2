/*
 * Packing of BF16 matrices: left-hand rows into blocks (left_rows.h), right-hand sides into panels.
 *
 * Offsets and pitches count bytes.
 */
#include "left_rows.h"
#include "transpose.h"

#define PAIR_BYTES 128
#define PANEL_COLUMNS 32

/* The first `count` of 32 elements. */
static inline __mmask32 first_of_32(int64_t count)
{
    return count >= 32 ? ~(__mmask32)0 : ((__mmask32)1 << count) - 1;
}

/* The first `count` of 16 elements. */
static inline __mmask16 first_of_16(int64_t count)
{
    return count >= 16 ? (__mmask16)~0 : (__mmask16)((1u << count) - 1);
}

/* One step of a block from rows in which it lies along the depth. */
static void pack_step_of_rows(const char *from, int64_t pitch, int64_t rows, int64_t depth, char *to)
{
    __mmask32 mask = first_of_32(depth);
    for (int64_t i = 0; i < rows; i++) {
        _mm512_storeu_si512(to + i * ROW_BYTES, _mm512_maskz_loadu_epi16(mask, from + i * pitch));
    }
}

/* Pairs of neighbours in depth of 16 columns: word j holds column j of both rows. */
static inline __m512i pairs_of_columns(const char *from, int64_t pitch, __mmask16 mask, int64_t rows)
{
    __m512i even = rows > 0 ? _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask, from)) : _mm512_setzero_si512();
    __m512i odd = rows > 1 ? _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask, from + pitch)) : _mm512_setzero_si512();
    return _mm512_or_si512(even, _mm512_slli_epi32(odd, 16));
}

/* One step of a block from a matrix in which a row is a column. */
static void pack_step_of_columns(const char *from, int64_t pitch, int64_t rows, int64_t depth, char *to)
{
    __mmask16 mask = first_of_16(rows);
#define LOAD(i) __m512i p##i = pairs_of_columns(from + 2 * (i) * pitch, pitch, mask, depth - 2 * (i));
    FOR_16(LOAD)
#undef LOAD
    TRANSPOSE_16(p0, p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11, p12, p13, p14, p15);
#define STORE(i)                                                                                                       \
    if ((i) < rows) {                                                                                                  \
        _mm512_storeu_si512(to + (i) * ROW_BYTES, p##i);                                                               \
    }
    FOR_16(STORE)
#undef STORE
}

/*
 * Packs rows from `first_row` (a multiple of 16) to `end_row`, and chunks from `first_chunk` to `end_chunk`, of a unit.
 *
 * from: the unit's first element; transposed: whether it is stored [depth, rows]; to: the packed unit.
 */
HCPU_EXPORT void hcpu_bf16_pack_left(const char *from, int64_t pitch, int32_t transposed, int64_t unit_rows,
                                     int64_t depth, int64_t first_row, int64_t end_row, int64_t first_chunk,
                                     int64_t end_chunk, char *to)
{
    int64_t total_steps = (depth + STEP_DEPTH - 1) / STEP_DEPTH;
    for (int64_t chunk = first_chunk; chunk < end_chunk; chunk++) {
        int64_t first_step = chunk * CHUNK_STEPS;
        int64_t steps = at_most(total_steps - first_step, CHUNK_STEPS);
        char *chunk_to = to + first_step * unit_rows * ROW_BYTES;
        for (int64_t row = first_row; row < end_row; row += BLOCK_ROWS) {
            int64_t rows = at_most(end_row - row, BLOCK_ROWS);
            char *block_to = chunk_to + row * steps * ROW_BYTES;
            for (int64_t s = 0; s < steps; s++) {
                int64_t k = (first_step + s) * STEP_DEPTH;
                char *step_to = block_to + s * rows * ROW_BYTES;
                if (transposed) {
                    pack_step_of_columns(from + k * pitch + row * 2, pitch, rows, depth - k, step_to);
                } else {
                    pack_step_of_rows(from + row * pitch + k * 2, pitch, rows, depth - k, step_to);
                }
            }
        }
    }
}

/* A step of 16 columns of a panel from a matrix that has a row for each column. */
static void pack_half_step(const char *from, int64_t pitch, int64_t columns, int64_t depth, char *to)
{
    __mmask32 mask = first_of_32(depth);
#define LOAD(i)                                                                                                        \
    __m512i p##i = (i) < columns ? _mm512_maskz_loadu_epi16(mask, from + (i) * pitch) : _mm512_setzero_si512();
    FOR_16(LOAD)
#undef LOAD
    TRANSPOSE_16(p0, p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11, p12, p13, p14, p15);
#define STORE(i) _mm512_storeu_si512(to + (i) * PAIR_BYTES, p##i);
    FOR_16(STORE)
#undef STORE
}

/*
 * Packs the panels of some columns, `depth` deep, from a matrix that is stored [columns, depth].
 *
 * to: the first panel, with room for whole steps, zero beyond the depth; to_pitch: from a panel to the next.
 */
HCPU_EXPORT void hcpu_bf16_pack_rows(const char *from, int64_t pitch, int64_t columns, int64_t depth, char *to,
                                     int64_t to_pitch)
{
    for (int64_t column = 0; column < columns; column += PANEL_COLUMNS) {
        const char *panel_from = from + column * pitch;
        char *panel_to = to + column / PANEL_COLUMNS * to_pitch;
        for (int64_t k = 0; k < depth; k += STEP_DEPTH) {
            char *step_to = panel_to + k / 2 * PAIR_BYTES;
            pack_half_step(panel_from + k * 2, pitch, columns - column, depth - k, step_to);
            pack_half_step(panel_from + 16 * pitch + k * 2, pitch, columns - column - 16, depth - k, step_to + 64);
        }
    }
}

/*
 * As hcpu_bf16_pack_rows from a matrix that is stored [depth, columns].
 *
 * Pair by pair over all panels, so that rows are read in long runs: a line a row would be a page a row.
 */
HCPU_EXPORT void hcpu_bf16_pack_columns(const char *from, int64_t pitch, int64_t columns, int64_t depth, char *to,
                                        int64_t to_pitch)
{
    for (int64_t k = 0; k < depth; k += 2) {
        const char *rows_from = from + k * pitch;
        int64_t rows = at_most(depth - k, 2);
        for (int64_t column = 0; column < columns; column += PANEL_COLUMNS) {
            int64_t count = at_most(columns - column, PANEL_COLUMNS);
            const char *pair_from = rows_from + column * 2;
            char *pair_to = to + column / PANEL_COLUMNS * to_pitch + k / 2 * PAIR_BYTES;
            _mm512_storeu_si512(pair_to, pairs_of_columns(pair_from, pitch, first_of_16(count), rows));
            _mm512_storeu_si512(pair_to + 64, pairs_of_columns(pair_from + 32, pitch,
                                                               first_of_16(count > 16 ? count - 16 : 0), rows));
        }
    }
}
