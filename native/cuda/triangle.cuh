// Tiles of a symmetric result: those on and below the diagonal, numbered row by row.
#pragma once

#include "device.cuh"

#include <math.h>

struct TriangleTile {
    int64_t row, column;
};

DEVICE int64_t triangle_tiles(int64_t rows) { return rows * (rows + 1) / 2; }

// Row i has the numbers i (i + 1) / 2 to i (i + 1) / 2 + i. The root is a guess that rounding may put one off.
DEVICE TriangleTile triangle_tile(int64_t number) {
    int64_t row = (int64_t)((sqrt(8.0 * (double)number + 1) - 1) / 2);
    while (triangle_tiles(row) > number) {
        row--;
    }
    while (triangle_tiles(row + 1) <= number) {
        row++;
    }
    return {row, number - triangle_tiles(row)};
}
