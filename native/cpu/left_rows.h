/*
 * How left-hand rows of BF16 products are packed, for tiles and for vectors alike.
 *
 * A unit of rows is cut into chunks of CHUNK_STEPS steps, a step being 32 products deep; a chunk into blocks of up to
 * 16 rows: [chunk][block][step][row of the block][32]. Depth is padded to whole steps with zeros, rows are not padded.
 * So a block is one stream within a chunk, a chunk of many rows stays in the second-level cache while panels pass by,
 * and up to 16 rows are one stream from end to end.
 */
#ifndef HCPU_LEFT_ROWS_H
#define HCPU_LEFT_ROWS_H

#include "hcpu.h"

#define STEP_PAIRS 16
#define STEP_DEPTH 32
#define CHUNK_STEPS 16
#define BLOCK_ROWS 16
#define ROW_BYTES 64 /* of a row in one step */

static inline int64_t at_most(int64_t value, int64_t most)
{
    return value < most ? value : most;
}

/*
 * Memory that later calls will read, to be asked for while this one computes. Spread over all its iterations, because
 * a core has few places for lines on their way and would stop at a burst.
 */
struct ahead {
    const char *at;
    int64_t lines;
};

static inline struct ahead spread(const char *at, int64_t bytes, int64_t iterations)
{
    return (struct ahead){at, iterations > 0 ? (bytes / 64 + iterations - 1) / iterations : 0};
}

static inline void ask(struct ahead *ahead)
{
    for (int64_t i = 0; i < ahead->lines; i++) {
        __builtin_prefetch(ahead->at, 0, 2);
        ahead->at += 64;
    }
}

#endif
