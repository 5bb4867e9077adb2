// Loops over the elements of a matrix whose rows may lie apart.
#pragma once

#include "formats.cuh"

// Calls `each(row, column)` for every element of rows 0 to rows - 1, neighbours by neighbouring threads.
template <class Each>
DEVICE void for_each_element(int64_t rows, int64_t dim, Each each) {
    for (int64_t i = grid_thread(); i < rows * dim; i += grid_threads()) {
        each(i / dim, i % dim);
    }
}
