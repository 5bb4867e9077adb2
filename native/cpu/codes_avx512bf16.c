/*
 * Products of packed BF16 rows with a weight of 8- or 4-bit codes and block scales, on vectors; and the packing of the
 * activations for it and for codes_amx.c.
 *
 * A register tile is four weight rows and up to two activations, both read along their depth. Order of a sum: each of
 * 16 lanes adds pairs 16 apart within a run of CHUNK products that share a scale; then sum = scale * run + sum, fused,
 * by lanes; in the end lanes are added in halves.
 */
#include "decode.h"
#include "left_rows.h"
#include "transpose.h"

#define CHUNK 256
#define STEPS (CHUNK / STEP_DEPTH)
#define WEIGHT_ROWS 32
#define TILE_ROWS 4
#define BESIDE 2

struct vector_tile {
    const char *weights; /* [row][step][32] of BF16 */
    const float (*scale)[WEIGHT_ROWS];
    int64_t k, steps, block_depth;
};

#define FOUR(DO, j) DO(0, j) DO(1, j) DO(2, j) DO(3, j)

#define LOAD_SUM(i, j) __m512 sum##i##j = _mm512_loadu_ps(sums + ((i) * BESIDE + (j)) * 16);
#define START_RUN(i, j) __m512 run##i##j = _mm512_setzero_ps();
#define MULTIPLY(i, j)                                                                                                 \
    run##i##j = _mm512_dpbf16_ps(run##i##j, (__m512bh)_mm512_loadu_si512(tile->weights + ((i) * STEPS + s) * 64), x##j);
#define END_RUN(i, j) sum##i##j = _mm512_fmadd_ps(_mm512_set1_ps(tile->scale[first][i]), run##i##j, sum##i##j);
#define STORE_SUM(i, j) _mm512_storeu_ps(sums + ((i) * BESIDE + (j)) * 16, sum##i##j);

static inline int64_t run_end(const struct vector_tile *tile, int64_t s)
{
    do {
        s++;
    } while (s < tile->steps && (tile->k + s * STEP_DEPTH) % tile->block_depth != 0);
    return s;
}

static void add_one(const struct vector_tile *tile, const char *x, int64_t step_bytes, float *sums)
{
    FOUR(LOAD_SUM, 0)
    for (int64_t first = 0, s = 0; s < tile->steps; first = s) {
        int64_t end = run_end(tile, s);
        FOUR(START_RUN, 0)
        for (; s < end; s++) {
            __m512bh x0 = (__m512bh)_mm512_loadu_si512(x + s * step_bytes);
            FOUR(MULTIPLY, 0)
        }
        FOUR(END_RUN, 0)
    }
    FOUR(STORE_SUM, 0)
}

static void add_two(const struct vector_tile *tile, const char *x, int64_t step_bytes, float *sums)
{
    FOUR(LOAD_SUM, 0)
    FOUR(LOAD_SUM, 1)
    for (int64_t first = 0, s = 0; s < tile->steps; first = s) {
        int64_t end = run_end(tile, s);
        FOUR(START_RUN, 0)
        FOUR(START_RUN, 1)
        for (; s < end; s++) {
            __m512bh x0 = (__m512bh)_mm512_loadu_si512(x + s * step_bytes);
            __m512bh x1 = (__m512bh)_mm512_loadu_si512(x + s * step_bytes + ROW_BYTES);
            FOUR(MULTIPLY, 0)
            FOUR(MULTIPLY, 1)
        }
        FOUR(END_RUN, 0)
        FOUR(END_RUN, 1)
    }
    FOUR(STORE_SUM, 0)
    FOUR(STORE_SUM, 1)
}

/* Lanes added in halves: the order is written out, for the compiler's own may change with its version. */
static float add_lanes(const float *lanes)
{
    float half[16];
    __builtin_memcpy(half, lanes, sizeof half);
    for (int width = 8; width > 0; width /= 2) {
        for (int i = 0; i < width; i++) {
            half[i] += half[i + width];
        }
    }
    return half[0];
}

/* One register tile's weight rows with all activations. */
static void four_rows(const struct coded *weight, const struct decoder *decoder, int64_t weight_row, int64_t weight_rows,
                      const char *left, int64_t rows, int64_t depth, float *lanes, float *sums, struct ahead *ahead)
{
    char weights[TILE_ROWS * STEPS * 64] __attribute__((aligned(64)));
    float scale[STEPS][WEIGHT_ROWS];
    int64_t total_steps = (depth + STEP_DEPTH - 1) / STEP_DEPTH;
    struct vector_tile tile = {weights, (const float(*)[WEIGHT_ROWS])scale, 0, 0, weight->block_depth};
    struct scale_rows scale_rows = scale_rows_of(weight, weight_row, weight_rows);
    int64_t pairs = (rows + BESIDE - 1) / BESIDE;
    __builtin_memset(lanes, 0, pairs * TILE_ROWS * BESIDE * 16 * sizeof(float));
    __builtin_memset(weights, 0, sizeof weights);
    for (int64_t k = 0; k < depth; k += CHUNK) {
        int64_t count = at_most(depth - k, CHUNK);
        tile.k = k;
        tile.steps = (count + STEP_DEPTH - 1) / STEP_DEPTH;
        for (int64_t i = 0; i < weight_rows; i++) {
            decode_row(decoder, codes_at(weight, weight_row + i, k), count, weights + i * STEPS * 64, 64);
            ask(ahead);
        }
        for (int64_t s = 0; s < tile.steps; s++) {
            if (s == 0 || (k + s * STEP_DEPTH) % weight->block_depth == 0) {
                load_scales(weight, &scale_rows, k + s * STEP_DEPTH, scale[s]);
            }
        }
        for (int64_t row = 0; row < rows; row += BESIDE) {
            int64_t block = row / BLOCK_ROWS * BLOCK_ROWS;
            int64_t block_rows = at_most(rows - block, BLOCK_ROWS);
            const char *x = left + (block * total_steps + k / STEP_DEPTH * block_rows + row - block) * ROW_BYTES;
            float *to = lanes + row / BESIDE * TILE_ROWS * BESIDE * 16;
            if (rows - row > 1) {
                add_two(&tile, x, block_rows * ROW_BYTES, to);
            } else {
                add_one(&tile, x, block_rows * ROW_BYTES, to);
            }
        }
    }
    for (int64_t row = 0; row < rows; row++) {
        for (int64_t i = 0; i < TILE_ROWS; i++) {
            sums[row * WEIGHT_ROWS + i] =
                add_lanes(lanes + ((row / BESIDE * TILE_ROWS + i) * BESIDE + row % BESIDE) * 16);
        }
    }
}

/* As hcpu_codes_tiles, with activations [block of up to 16 rows][step][row][32]; turned: room for 64 floats a row. */
HCPU_EXPORT void hcpu_codes_vectors(int32_t type, const char *codes, int64_t pitch, int32_t scale_type,
                                    const char *scales, int64_t scale_columns, int64_t block_rows, int64_t block_depth,
                                    int64_t weight_row, int64_t weight_rows, const char *left, int64_t rows,
                                    int64_t depth, char *turned, char *sums, const char *next, int64_t next_bytes)
{
    struct coded weight = {type, codes, pitch, scale_type, scales, scale_columns, block_rows, block_depth};
    struct decoder decoder = decoder_of(type);
    struct ahead ahead = spread(next, next_bytes, weight_rows * ((depth + CHUNK - 1) / CHUNK));
    for (int64_t i = 0; i < weight_rows; i += TILE_ROWS) {
        four_rows(&weight, &decoder, weight_row + i, at_most(weight_rows - i, TILE_ROWS), left, rows, depth,
                  (float *)turned, (float *)sums + i, &ahead);
    }
}

static __mmask16 first_words(int64_t count)
{
    return count >= 16 ? (__mmask16)~0 : (__mmask16)((1u << count) - 1);
}

/* 32 elements of a row, zero beyond the depth. */
static inline __m512i step_of_row(const char *from, int64_t depth)
{
    __mmask32 mask = depth >= 32 ? ~(__mmask32)0 : ((__mmask32)1 << depth) - 1;
    return _mm512_maskz_loadu_epi16(mask, from);
}

static void pack_pairs(const char *from, int64_t pitch, int64_t rows, int64_t depth, char *to)
{
    __mmask16 mask = first_words(rows);
#define LOAD(i) __m512i p##i = (i) < rows ? step_of_row(from + (i) * pitch, depth) : _mm512_setzero_si512();
    FOR_16(LOAD)
#undef LOAD
    TRANSPOSE_16(p0, p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11, p12, p13, p14, p15);
#define STORE(i) _mm512_mask_storeu_epi32(to + (i) * 4 * rows, mask, p##i);
    FOR_16(STORE)
#undef STORE
}

/*
 * Packs activations `[rows, depth]` from `first_row` (a multiple of 16) to `end_row` and from `first_step` to
 * `end_step`: turned into pairs for tiles, or as rows for vectors.
 */
HCPU_EXPORT void hcpu_codes_pack(const char *from, int64_t pitch, int32_t turned, int64_t depth, int64_t first_row,
                                 int64_t end_row, int64_t first_step, int64_t end_step, char *to)
{
    int64_t total_steps = (depth + STEP_DEPTH - 1) / STEP_DEPTH;
    for (int64_t row = first_row; row < end_row; row += BLOCK_ROWS) {
        int64_t rows = at_most(end_row - row, BLOCK_ROWS);
        for (int64_t s = first_step; s < end_step; s++) {
            const char *step_from = from + row * pitch + s * STEP_DEPTH * 2;
            char *step_to = to + (row * total_steps + s * rows) * ROW_BYTES;
            int64_t left = depth - s * STEP_DEPTH;
            if (turned) {
                pack_pairs(step_from, pitch, rows, left, step_to);
                continue;
            }
            for (int64_t i = 0; i < rows; i++) {
                _mm512_storeu_si512(step_to + i * ROW_BYTES, step_of_row(step_from + i * pitch, left));
            }
        }
    }
}
