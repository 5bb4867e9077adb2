// Where rows of heads lie in the layouts of attention operators, and attention of one query row.
#pragma once

#include "cache.h"

namespace emu {

/* Rows of d elements by batch, step and head. In layouts with T instead of B and S the batch has stride 0. */
struct HeadRows {
    Tensor t;
    int64_t batches = 1, steps = 0, heads = 0, d = 0;
    int64_t sb = 0, ss = 0, sn = 0, sd = 1;

    HeadRows() = default;
    /* layout: BSH, SBH (heads says how many), BSND, BNSD, TND, NBSD, NTD. */
    HeadRows(const Tensor &tensor, const std::string &layout, int64_t heads);
    int64_t at(int64_t b, int64_t s, int64_t n) const { return t.offset + b * sb + s * ss + n * sn; }
    void read(int64_t b, int64_t s, int64_t n, float *to) const { read_row(t, at(b, s, n), sd, d, to); }
    void write(int64_t b, int64_t s, int64_t n, const float *from) const { write_row(t, at(b, s, n), sd, d, from); }
};

/* Softmax of scores in place; the maximum and the sum of exp(score - maximum). All masked: zeros, and a sum of 0. */
struct Softmax {
    float top, sum;
};
Softmax softmax_of(std::vector<float> &scores);

} // namespace emu
