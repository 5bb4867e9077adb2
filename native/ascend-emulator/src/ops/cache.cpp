#include "cache.h"

namespace emu {

int64_t cache_block_size(const Tensor &cache)
{
    return cache.rank() == 3 ? cache.dims[1] : std::max(cache.dims[1], cache.dims[2]);
}

void check_cache(const Tensor &cache, const std::string &mode, int64_t width)
{
    bool norm = mode.empty() || mode == "Norm";
    NEED(norm || mode == "PA" || mode == "PA_BNSD" || mode == "PA_BSND" || mode == "PA_NZ" || mode.rfind("PA_BLK", 0) == 0, "the cache mode is unknown: " + mode);
    NEED(cache.rank() == 4 && cache.dims[3] == width, "a cache has the wrong rank or width: " + cache.text());
    NEED(cache.contiguous(), "a cache is contiguous");
    NEED(cache.dims[1] == 1 || cache.dims[2] == 1, "a cache has one head");
    if (!norm)
        LIMIT(cache_block_size(cache) % 16 == 0 && cache_block_size(cache) <= 1024, "the block size is a multiple of 16 up to 1024");
}

int64_t norm_slot(const Tensor &cache, int64_t b, int64_t s)
{
    int64_t steps = cache_block_size(cache);
    if (s < 0 || s >= steps)
        bad_index("a cache index", s, steps);
    return b * steps + s;
}

/* Where element d of a slot lies; pieces of this many elements are together. */
static int64_t piece(const Tensor &cache, bool fractal, int64_t slot, int64_t width, int64_t d, int64_t &together)
{
    int64_t size = cache_block_size(cache);
    if (!fractal) {
        together = width;
        return cache.offset + slot * width + d;
    }
    int64_t c0 = 32 / static_cast<int64_t>(cache.element());
    together = c0;
    return cache.offset + slot / size * size * width + (d / c0 * size + slot % size) * c0;
}

void write_cache(Call &c, const Tensor &cache, const std::string &mode, int64_t slot, const float *row)
{
    int64_t width = cache.rank() == 5 ? cache.dims[2] * cache.dims[4] : cache.dims.back(), all = cache.count() / width, n;
    if (slot < 0 || slot >= all)
        bad_index("a cache index", slot, all);
    for (int64_t d = 0; d < width; d += n) {
        int64_t at = piece(cache, mode.find("NZ") != std::string::npos, slot, width, d, n);
        c.touch(cache, at, n, true);
        write_row(cache, at, 1, n, row + d);
    }
}

void read_cache(const Tensor &cache, bool fractal, int64_t slot, int64_t width, float *row)
{
    int64_t n;
    for (int64_t d = 0; d < width; d += n) {
        int64_t at = piece(cache, fractal, slot, width, d, n);
        read_row(cache, at, 1, n, row + d);
    }
}

} // namespace emu
