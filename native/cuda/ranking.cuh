// The order of candidates by value, as one number each.
#pragma once

#include "formats.cuh"

// Larger is better; a NaN comes last of all that can be chosen, and among equals the smaller index is better. 0 is what
// cannot be chosen.
DEVICE uint64_t rank_key(float value, int64_t index) {
    uint32_t order = 0;
    if (value == value) {
        uint32_t bits = bits_of(value + 0.0f);
        order = bits >> 31 ? ~bits : bits | 0x80000000u;
    }
    return (uint64_t)order << 32 | (0xffffffffu - (uint32_t)index);
}

struct Better {
    template <class T>
    static DEVICE T start() { return 0; }
    template <class T>
    static DEVICE T of(T a, T b) { return a > b ? a : b; }
};

// The index that a key stands for.
DEVICE int64_t index_of_key(uint64_t key) { return 0xffffffffu - (uint32_t)key; }

// Whether the value behind a key is a number.
DEVICE bool is_key_of_number(uint64_t key) { return key >> 32 != 0; }
