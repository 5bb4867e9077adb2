// Paged caches of one head: where a token's row lies in each cache mode, and rotation of the part that has a position.
#pragma once

#include "elements.h"

namespace emu {

void rotate(float *x, const float *cos, const float *sin, int64_t n, int64_t mode);
void rotate_interleaved(float *x, const float *cos, const float *sin, int64_t n);

/*
 * Modes: "Norm" (B, N, S, D); "PA", "PA_BNSD", "PA_BSND" (blocks, block size, 1, D) or (blocks, 1, block size, D);
 * "PA_NZ": the same tensor, each block as (D/C0, block size, C0). One head.
 */
void check_cache(const Tensor &cache, const std::string &mode, int64_t width);
int64_t cache_block_size(const Tensor &cache);
/* The token index of position s of sequence b in a cache of mode Norm. */
int64_t norm_slot(const Tensor &cache, int64_t b, int64_t s);
void write_cache(Call &c, const Tensor &cache, const std::string &mode, int64_t slot, const float *row);
void read_cache(const Tensor &cache, bool fractal, int64_t slot, int64_t width, float *row);

} // namespace emu
