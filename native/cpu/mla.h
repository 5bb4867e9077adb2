/*
 * Fused attention of up to a block of keys: what Java passes, and how memory is laid out.
 *
 * A lane is one query of one head; lanes come in groups of 16, the last one filled up with queries of zeros. All
 * numbers are BF16 unless said otherwise, "pairs" are two neighbours along the dimension that a product sums over.
 *
 *   queries  [group][chunk of 32 values][16 pairs][16 lanes]       packed by hcpu_mla_pack_queries
 *   keys     rows as they are in memory, or a copy of them
 *   values   [32 keys][tile of 16 columns][16 pairs][16 columns]   interleaved by every call, for all its lanes, or,
 *            where these are few, two tiles of columns at a time
 *   weights  [group][32 keys][16 lanes][32 keys]
 *   sums     F32 [lane][sums_stride], the columns of each 32 in the order of hcpu_mla_merge
 *
 * The values of a key part are padded with zeros to a multiple of 32 in queries and in copies of keys.
 */
#ifndef HCPU_MLA_H
#define HCPU_MLA_H

#include "hcpu.h"

enum {
    MLA_KEYS = 256, /* most keys a block */
    MLA_LANES = 16, /* lanes a group */
    MLA_CHUNK = 32, /* values, or keys, that one step of a product sums over */
    MLA_TILE = 1024 /* bytes of 16 x 16 pairs */
};

/* Consecutive keys at a constant distance. Keys that are not there have no address; no lane sees them. */
struct mla_run {
    int64_t rows;
    const uint8_t *key;
    int64_t key_stride;
    const uint8_t *rope; /* a second part of each key; unused where rope_dim is 0 */
    int64_t rope_stride;
    const uint8_t *value;
    int64_t value_stride;
};

struct mla_block {
    int64_t groups;
    int64_t keys;
    int64_t key_dim;
    int64_t rope_dim;
    int64_t value_dim;
    int64_t fresh; /* whether the sums are to be written without being read */
    int64_t runs;
    const struct mla_run *run; /* cover the keys, in order */
    int64_t next_runs;
    const struct mla_run *next_run; /* what the next call will read, to be fetched meanwhile */
    const int32_t *visible;         /* keys that each lane sees, or null for all */
    const uint8_t *queries;
    uint8_t *scratch; /* hcpu_mla_scratch_bytes, 64 byte aligned */
    float *reference; /* base-2 logit that each lane's weights are relative to, minus infinity before its first key */
    float *sum;       /* of weights */
    float *max;       /* largest base-2 logit */
    float *sums;      /* of weighted values */
    int64_t sums_stride;
    double scale; /* softmax scale times log2 e */
};

#endif
