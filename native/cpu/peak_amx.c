/*
 * The most multiply-adds a core can do with tiles that stay in registers: four sums, two left and two right sides, as
 * the kernels have them, and nothing loaded.
 */
#include "tiles.h"

/* Returns the number of operations, a multiply-add counting as two. */
HCPU_EXPORT double hcpu_peak_tiles(int64_t steps)
{
    configure_full_tiles();
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    _tile_zero(4);
    _tile_zero(5);
    _tile_zero(6);
    _tile_zero(7);
    for (int64_t k = 0; k < steps; k++) {
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
    }
    _tile_release();
    return (double)steps * 4 * 16 * 16 * 32 * 2;
}
