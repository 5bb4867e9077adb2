/*
 * Products of packed BF16 rows with a weight of 8- or 4-bit codes and block scales, on tiles.
 *
 * Here the weight is the left side of the tiles, 32 of its rows at a time, because a row of codes decodes to a row of a
 * tile without being turned. The activations are the right side: [block of up to 16 rows][step][16 pairs][rows][2].
 *
 * Order of a sum: within a run of CHUNK products that share a scale as bf16_amx.c; then sum = scale * run + sum, fused.
 */
#include "decode.h"
#include "left_rows.h"
#include "tiles.h"

#define CHUNK 128
#define STEPS (CHUNK / STEP_DEPTH)
#define WEIGHT_ROWS 32
#define TILE_BYTES 1024

/* Tiles 0 and 1 are sums of the first block of activations, 2 and 3 of the second; 4 and 5 weights, 6 and 7 the rest. */
static void configure(int first, int second)
{
    struct tile_config config = {.palette = 1};
    for (int i = 0; i < 8; i++) {
        config.row_bytes[i] = 64;
        config.rows[i] = 16;
    }
    config.row_bytes[0] = config.row_bytes[1] = config.row_bytes[6] = (uint16_t)(4 * first);
    if (second > 0) {
        config.row_bytes[2] = config.row_bytes[3] = config.row_bytes[7] = (uint16_t)(4 * second);
    }
    configure_tiles(&config);
}

static inline void multiply_one(const char *weights, const char *right, int64_t steps, int64_t row_bytes)
{
    _tile_zero(0);
    _tile_zero(1);
    for (int64_t s = 0; s < steps; s++) {
        _tile_loadd(6, right, row_bytes);
        _tile_loadd(4, weights, ROW_BYTES);
        _tile_dpbf16ps(0, 4, 6);
        _tile_loadd(5, weights + STEPS * TILE_BYTES, ROW_BYTES);
        _tile_dpbf16ps(1, 5, 6);
        weights += TILE_BYTES;
        right += 16 * row_bytes;
    }
}

static inline void multiply_two(const char *weights, const char *right, const char *right_too, int64_t steps,
                                int64_t bytes_too)
{
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    for (int64_t s = 0; s < steps; s++) {
        _tile_loadd(4, weights, ROW_BYTES);
        _tile_loadd(6, right, 64);
        _tile_dpbf16ps(0, 4, 6);
        _tile_loadd(5, weights + STEPS * TILE_BYTES, ROW_BYTES);
        _tile_dpbf16ps(1, 5, 6);
        _tile_loadd(7, right_too, bytes_too);
        _tile_dpbf16ps(2, 4, 7);
        _tile_dpbf16ps(3, 5, 7);
        weights += TILE_BYTES;
        right += TILE_BYTES;
        right_too += 16 * bytes_too;
    }
}

/* Which weight row each float of [32 weight rows][columns] belongs to. */
static void find_owners(int columns, int32_t *owners)
{
    for (int i = 0; i < WEIGHT_ROWS; i++) {
        for (int j = 0; j < columns; j++) {
            *owners++ = i;
        }
    }
}

/* sums += scale * run for [32 weight rows][columns]. */
static inline void add_scaled(const float *run, const float *scales, int uniform, const int32_t *owners, float *sums,
                              int columns)
{
    __m512 upper = _mm512_loadu_ps(scales), lower = _mm512_loadu_ps(scales + 16);
    for (int i = 0; i < WEIGHT_ROWS * columns; i += 16) {
        __m512 scale = uniform ? upper : _mm512_permutex2var_ps(upper, _mm512_loadu_si512(owners + i), lower);
        _mm512_storeu_ps(sums + i, _mm512_fmadd_ps(scale, _mm512_loadu_ps(run + i), _mm512_loadu_ps(sums + i)));
    }
}

/* [32 weight rows][columns] to [columns][32]. */
static void turn(const float *sums, int columns, float *to)
{
    for (int i = 0; i < columns; i++) {
        for (int j = 0; j < WEIGHT_ROWS; j++) {
            to[i * WEIGHT_ROWS + j] = sums[j * columns + i];
        }
    }
}

/* A call's weight and what decodes it. */
struct source {
    struct coded weight;
    struct decoder decoder;
    struct scale_rows scale_rows;
    struct ahead ahead;
    int64_t row; /* the first of them */
    int64_t rows;
    int64_t depth;
};

/* Where a row's part of the first step of a chunk goes. */
static inline int64_t place_of(int64_t row)
{
    return row / 16 * STEPS * TILE_BYTES + row % 16 * ROW_BYTES;
}

/* Whole chunks of 8-bit codes: their tables stay in registers, and no load needs a mask. */
static inline void decode_whole(struct source *source, int64_t first, int64_t end, int64_t k, char *to)
{
    const struct decoder decoder = source->decoder;
    struct ahead ahead = source->ahead;
    const char *codes = codes_at(&source->weight, source->row + first, k);
    for (int64_t i = first; i < end; i++, codes += source->weight.pitch) {
        char *at = to + place_of(i);
        for (int j = 0; j < CHUNK; j += 64, at += 2 * TILE_BYTES) {
            __m512i upper, lower;
            decode_bytes(&decoder, _mm512_loadu_si512(codes + j), &upper, &lower);
            _mm512_storeu_si512(at, upper);
            _mm512_storeu_si512(at + TILE_BYTES, lower);
        }
        ask(&ahead);
    }
    source->ahead = ahead;
}

/* Decodes a chunk of some of the rows; rows that the weight does not have are left as they are. */
static inline void decode_rows(struct source *source, int64_t first, int64_t end, int64_t k, char *to)
{
    int64_t count = at_most(source->depth - k, CHUNK);
    if (count == CHUNK && end <= source->rows && !source->decoder.nibbles) {
        decode_whole(source, first, end, k, to);
        return;
    }
    for (int64_t i = first; i < at_most(end, source->rows); i++) {
        decode_row(&source->decoder, codes_at(&source->weight, source->row + i, k), count, to + place_of(i),
                   TILE_BYTES);
        ask(&source->ahead);
    }
}

static inline int ends_run(const struct source *source, int64_t k, int64_t s, int64_t steps)
{
    return s + 1 == steps || (k + (s + 1) * STEP_DEPTH) % source->weight.block_depth == 0;
}

/* Sums of a run that are still to be scaled. */
struct run {
    float sums[WEIGHT_ROWS * BLOCK_ROWS];
    float scales[WEIGHT_ROWS];
    int pending;
};

static inline void finish(struct run *run, const struct source *source, const int32_t *owners, float *sums, int columns)
{
    if (run->pending) {
        add_scaled(run->sums, run->scales, source->scale_rows.uniform, owners, sums, columns);
        run->pending = 0;
    }
}

/*
 * One block of activations. Tiles take long to answer: while they multiply a chunk the next one is decoded between
 * them, and a run is scaled when the next one has ended.
 */
static void multiply_block(struct source *source, const char *right, int columns, float *sums)
{
    char weights[2][2 * STEPS * TILE_BYTES] __attribute__((aligned(64)));
    struct run runs[2] __attribute__((aligned(64))) = {{.pending = 0}, {.pending = 0}};
    int32_t owners[WEIGHT_ROWS * BLOCK_ROWS];
    int now = 0;
    configure(columns, 0);
    find_owners(columns, owners);
    if (source->rows < WEIGHT_ROWS) {
        __builtin_memset(weights, 0, sizeof weights);
    }
    decode_rows(source, 0, WEIGHT_ROWS, 0, weights[0]);
    for (int64_t k = 0, chunk = 0; k < source->depth; k += CHUNK, chunk++) {
        const char *from = weights[chunk & 1];
        char *to = weights[~chunk & 1];
        int64_t steps = (at_most(source->depth - k, CHUNK) + STEP_DEPTH - 1) / STEP_DEPTH;
        int starts = 1;
        for (int64_t s = 0; s < steps; s++) {
            stores_before_tiles();
            if (starts) {
                load_scales(&source->weight, &source->scale_rows, k + s * STEP_DEPTH, runs[now].scales);
                _tile_zero(0);
                _tile_zero(1);
            }
            _tile_loadd(6, right, 4 * columns);
            _tile_loadd(4, from, ROW_BYTES);
            _tile_dpbf16ps(0, 4, 6);
            _tile_loadd(5, from + STEPS * TILE_BYTES, ROW_BYTES);
            _tile_dpbf16ps(1, 5, 6);
            from += TILE_BYTES;
            right += columns * ROW_BYTES;
            if (k + CHUNK < source->depth) {
                decode_rows(source, s * (WEIGHT_ROWS / STEPS), (s + 1) * (WEIGHT_ROWS / STEPS), k + CHUNK, to);
            }
            starts = ends_run(source, k, s, steps);
            if (starts) {
                _tile_stored(0, runs[now].sums, 4 * columns);
                _tile_stored(1, runs[now].sums + 16 * columns, 4 * columns);
                runs[now].pending = 1;
                now ^= 1;
                stores_before_tiles();
                finish(&runs[now], source, owners, sums, columns);
            }
        }
    }
    finish(&runs[now ^ 1], source, owners, sums, columns);
    _tile_release();
}

/* Several blocks of activations, which share what is decoded. */
static void multiply_blocks(struct source *source, const char *right, int64_t rows, float *sums)
{
    char weights[2 * STEPS * TILE_BYTES] __attribute__((aligned(64)));
    float run[4 * 256] __attribute__((aligned(64)));
    float scale[STEPS][WEIGHT_ROWS] __attribute__((aligned(64)));
    int32_t first_owners[512], second_owners[512];
    int uniform = source->scale_rows.uniform;
    int64_t depth = source->depth, total_steps = (depth + STEP_DEPTH - 1) / STEP_DEPTH;
    if (source->rows < WEIGHT_ROWS) {
        __builtin_memset(weights, 0, sizeof weights);
    }
    int first_was = 0, second_was = 0;
    for (int64_t k = 0; k < depth; k += CHUNK) {
        int64_t steps = (at_most(depth - k, CHUNK) + STEP_DEPTH - 1) / STEP_DEPTH;
        decode_rows(source, 0, WEIGHT_ROWS, k, weights);
        for (int64_t s = 0; s < steps; s++) {
            if (s == 0 || ends_run(source, k, s - 1, steps)) {
                load_scales(&source->weight, &source->scale_rows, k + s * STEP_DEPTH, scale[s]);
            }
        }
        for (int64_t row = 0; row < rows; row += 2 * BLOCK_ROWS) {
            int first = (int)at_most(rows - row, BLOCK_ROWS);
            int second = (int)at_most(rows - row - first, BLOCK_ROWS);
            if (first != first_was || second != second_was) {
                configure(first, second);
                if (!uniform) {
                    find_owners(first, first_owners);
                    find_owners(second, second_owners);
                }
                first_was = first;
                second_was = second;
            }
            const char *right_at = right + (row * total_steps + k / STEP_DEPTH * first) * ROW_BYTES;
            const char *too_at = right + ((row + 16) * total_steps + k / STEP_DEPTH * second) * ROW_BYTES;
            float *to = sums + row * WEIGHT_ROWS;
            for (int64_t s = 0, end; s < steps; s = end) {
                end = s + 1;
                while (!ends_run(source, k, end - 1, steps)) {
                    end++;
                }
                stores_before_tiles();
                const char *from = weights + s * TILE_BYTES;
                const char *beside = right_at + s * first * ROW_BYTES;
                if (second > 0) {
                    multiply_two(from, beside, too_at + s * second * ROW_BYTES, end - s, 4 * second);
                    _tile_stored(2, run + 512, 4 * second);
                    _tile_stored(3, run + 512 + 16 * second, 4 * second);
                } else {
                    multiply_one(from, beside, end - s, 4 * first);
                }
                _tile_stored(0, run, 4 * first);
                _tile_stored(1, run + 16 * first, 4 * first);
                stores_before_tiles();
                add_scaled(run, scale[s], uniform, first_owners, to, first);
                if (second > 0) {
                    add_scaled(run + 512, scale[s], uniform, second_owners, to + 16 * WEIGHT_ROWS, second);
                }
            }
        }
    }
    _tile_release();
}

/*
 * Sets sums [rows][32] to the products of `rows` packed activations with weight rows from `weight_row` on, no more than
 * 32. turned: room for as many floats. next: codes that the next call reads.
 */
HCPU_EXPORT void hcpu_codes_tiles(int32_t type, const char *codes, int64_t pitch, int32_t scale_type,
                                  const char *scales, int64_t scale_columns, int64_t block_rows, int64_t block_depth,
                                  int64_t weight_row, int64_t weight_rows, const char *right, int64_t rows,
                                  int64_t depth, char *turned, char *sums, const char *next, int64_t next_bytes)
{
    struct source source = {
        .weight = {type, codes, pitch, scale_type, scales, scale_columns, block_rows, block_depth},
        .decoder = decoder_of(type),
        .ahead = spread(next, next_bytes, weight_rows * ((depth + CHUNK - 1) / CHUNK)),
        .row = weight_row,
        .rows = weight_rows,
        .depth = depth,
    };
    source.scale_rows = scale_rows_of(&source.weight, weight_row, weight_rows);
    __builtin_memset(turned, 0, rows * WEIGHT_ROWS * sizeof(float));
    if (depth > 0 && rows > 0 && rows <= BLOCK_ROWS) {
        multiply_block(&source, right, (int)rows, (float *)turned);
    } else if (depth > 0) {
        multiply_blocks(&source, right, rows, (float *)turned);
    }
    for (int64_t row = 0; row < rows; row += BLOCK_ROWS) {
        turn((const float *)turned + row * WEIGHT_ROWS, (int)at_most(rows - row, BLOCK_ROWS),
             (float *)sums + row * WEIGHT_ROWS);
    }
}
