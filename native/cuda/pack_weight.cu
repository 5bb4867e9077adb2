// PackWeight between a stack and a list: slices of bytes, a part of 16 bytes a thread where all addresses allow it.
#include "slices.cuh"

struct PackWeightParams {
    int64_t words;
    Slices from, to;
    int64_t slices, parts, is_wide;
};

KERNEL(pack_weight, PackWeightParams, 256) {
    for (int64_t i = grid_thread(); i < p.slices * p.parts; i += grid_threads()) {
        const char *from = slice(p.from, i / p.parts);
        char *to = slice(p.to, i / p.parts);
        int64_t at = i % p.parts;
        if (p.is_wide) {
            ((uint4 *)to)[at] = ((const uint4 *)from)[at];
        } else {
            to[at] = from[at];
        }
    }
}
