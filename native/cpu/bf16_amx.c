/*
 * Products of packed BF16 rows (left_rows.h) with one BF16 panel, on tiles.
 *
 * The panel holds [pair][32 columns][2], as Java packs weights, so that 16 pairs are two right tiles just where they
 * lie. Sums are F32, [row][column].
 *
 * Order of a sum: tdpbf16ps adds the even and the odd products of a step apart, then both to the sum; steps follow each
 * other. It is the same for one row and for many, and wherever a run of steps is cut.
 */
#include "left_rows.h"
#include "tiles.h"

#define STEP_BYTES 2048 /* of a panel */

/* How far ahead a panel is asked for that is read once, at the pace of memory. */
#define STREAM_AHEAD 2048

/* Tiles 0 to 3 are sums (upper and lower block by left and right half of the panel), 4 and 5 left, 6 and 7 right. */
static void configure(int upper, int lower)
{
    if (upper == 16 && lower == 16) {
        configure_full_tiles();
        return;
    }
    struct tile_config config = {.palette = 1};
    for (int i = 0; i < 8; i++) {
        config.row_bytes[i] = 64;
        config.rows[i] = 16;
    }
    config.rows[0] = config.rows[1] = config.rows[4] = (uint8_t)upper;
    if (lower > 0) {
        config.rows[2] = config.rows[3] = config.rows[5] = (uint8_t)lower;
    }
    configure_tiles(&config);
}

/* The left side is loaded past the first-level cache, which is the panel's. */
static inline void multiply_two(const char *upper, const char *lower, const char *right)
{
    _tile_stream_loadd(4, upper, ROW_BYTES);
    _tile_loadd(6, right, 128);
    _tile_dpbf16ps(0, 4, 6);
    _tile_loadd(7, right + 64, 128);
    _tile_dpbf16ps(1, 4, 7);
    _tile_stream_loadd(5, lower, ROW_BYTES);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
}

static inline void multiply_one(const char *upper, const char *right)
{
    _tile_loadd(4, upper, ROW_BYTES);
    _tile_loadd(6, right, 128);
    _tile_dpbf16ps(0, 4, 6);
    _tile_loadd(7, right + 64, 128);
    _tile_dpbf16ps(1, 4, 7);
}

/*
 * Waits for a step of a panel that comes from memory. Tile loads that miss hold each other up, these loads do not: a
 * core reads as fast with them as without tiles, and a fifth slower without them.
 */
static inline void fetch_step(const char *right)
{
    for (int i = 0; i < STEP_BYTES; i += 64) {
        /* The compiler may neither drop nor join the loads. */
        __asm__ volatile("vmovdqu64 %0, %%zmm0" : : "m"(*(const char(*)[64])(right + i)) : "xmm0");
    }
    for (int i = 0; i < STEP_BYTES; i += 64) {
        __builtin_prefetch(right + STREAM_AHEAD + i, 0, 3);
    }
}

struct panel_run {
    const char *panel;
    const char *tail; /* the last pairs, padded to a step; null if there is none */
    int64_t full_steps;
    int streams; /* whether the panel comes from memory, to be read once */
    struct ahead panel_ahead;
    struct ahead left_ahead;
};

static void add_two_blocks(struct panel_run *run, const char *upper, const char *lower, int64_t lower_bytes)
{
    const char *right = run->panel;
    struct ahead panel_ahead = run->panel_ahead, left_ahead = run->left_ahead;
    for (int64_t s = 0; s < run->full_steps; s++) {
        ask(&panel_ahead);
        if (run->streams) {
            fetch_step(right);
        }
        multiply_two(upper, lower, right);
        ask(&left_ahead);
        upper += BLOCK_ROWS * ROW_BYTES;
        lower += lower_bytes;
        right += STEP_BYTES;
    }
    if (run->tail) {
        multiply_two(upper, lower, run->tail);
    }
    run->panel_ahead = panel_ahead;
    run->left_ahead = left_ahead;
}

static void add_one_block(const struct panel_run *run, const char *upper, int64_t upper_bytes)
{
    const char *right = run->panel;
    for (int64_t s = 0; s < run->full_steps; s++) {
        if (run->streams) {
            fetch_step(right);
        }
        multiply_one(upper, right);
        upper += upper_bytes;
        right += STEP_BYTES;
    }
    if (run->tail) {
        multiply_one(upper, run->tail);
    }
}

/*
 * Adds the products of `pairs` pairs to the sums, or sets them if `first`.
 *
 * left: packed rows of one chunk, or of several if there are no more than 16; sums_pitch: bytes from a row of sums to
 * the next; next_panel and next_left: what later calls will read.
 */
HCPU_EXPORT void hcpu_bf16_tiles(const char *left, int64_t rows, const char *panel, int64_t pairs, char *sums,
                                 int64_t sums_pitch, int32_t first, const char *next_panel, int64_t next_panel_bytes,
                                 const char *next_left, int64_t next_left_bytes)
{
    char padded[STEP_BYTES] __attribute__((aligned(64)));
    int64_t full_steps = pairs / STEP_PAIRS;
    int64_t rest = pairs % STEP_PAIRS;
    int64_t steps = full_steps + (rest > 0);
    int64_t iterations = rows > 2 * BLOCK_ROWS ? rows / 32 * full_steps : 0;
    struct panel_run run = {
        .panel = panel,
        .full_steps = full_steps,
        .streams = rows <= 2 * BLOCK_ROWS,
        .panel_ahead = spread(next_panel, next_panel_bytes, iterations),
        .left_ahead = spread(next_left, next_left_bytes, iterations),
    };
    if (rest) {
        __builtin_memset(padded, 0, sizeof padded);
        __builtin_memcpy(padded, panel + full_steps * STEP_BYTES, rest * 128);
        run.tail = padded;
    }
    int upper_was = 0, lower_was = 0;
    for (int64_t row = 0; row < rows; row += 2 * BLOCK_ROWS) {
        int upper = (int)at_most(rows - row, BLOCK_ROWS);
        int lower = (int)at_most(rows - row - upper, BLOCK_ROWS);
        const char *upper_at = left + row * steps * ROW_BYTES;
        const char *lower_at = upper_at + BLOCK_ROWS * steps * ROW_BYTES;
        char *upper_sums = sums + row * sums_pitch;
        char *lower_sums = upper_sums + BLOCK_ROWS * sums_pitch;
        if (upper != upper_was || lower != lower_was) {
            configure(upper, lower);
            upper_was = upper;
            lower_was = lower;
        }
        stores_before_tiles();
        if (first) {
            _tile_zero(0);
            _tile_zero(1);
            _tile_zero(2);
            _tile_zero(3);
        } else {
            _tile_loadd(0, upper_sums, sums_pitch);
            _tile_loadd(1, upper_sums + 64, sums_pitch);
            if (lower > 0) {
                _tile_loadd(2, lower_sums, sums_pitch);
                _tile_loadd(3, lower_sums + 64, sums_pitch);
            }
        }
        if (lower > 0) {
            add_two_blocks(&run, upper_at, lower_at, lower * ROW_BYTES);
            _tile_stored(2, lower_sums, sums_pitch);
            _tile_stored(3, lower_sums + 64, sums_pitch);
        } else {
            add_one_block(&run, upper_at, upper * ROW_BYTES);
        }
        _tile_stored(0, upper_sums, sums_pitch);
        _tile_stored(1, upper_sums + 64, sums_pitch);
    }
    _tile_release();
}
