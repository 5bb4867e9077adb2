/*
 * The shapes of the eight tile registers.
 *
 * A tile has up to 16 rows of 64 bytes. Sums are 16 x 16 F32, left sides 16 rows of 32 BF16, right sides 16 pairs of
 * rows of 16 columns, as BF16 panels hold them.
 */
#ifndef HCPU_TILES_H
#define HCPU_TILES_H

#include "hcpu.h"

#include <immintrin.h>

struct tile_config {
    uint8_t palette;
    uint8_t start_row;
    uint8_t reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
};

/*
 * Compilers believe that the intrinsics for tiles read no more of the memory behind their pointer than its first word,
 * or nothing at all, and drop or delay what was stored there. This holds the stores before it.
 */
static inline void stores_before_tiles(void)
{
    __asm__ volatile("" : : : "memory");
}

static inline void configure_tiles(const struct tile_config *config)
{
    stores_before_tiles();
    _tile_loadconfig(config);
}

/* All tiles full: 16 rows of 64 bytes. */
static inline void configure_full_tiles(void)
{
    static const struct tile_config full = {
        .palette = 1,
        .row_bytes = {64, 64, 64, 64, 64, 64, 64, 64},
        .rows = {16, 16, 16, 16, 16, 16, 16, 16},
    };
    configure_tiles(&full);
}

#endif
