// Operands whose slices lie one behind the other or at many addresses. The addresses come with the parameters of a kernel of
// their own, which writes them to where the kernels that need them look.
#pragma once

#include "device.cuh"

enum { ADDRESSES = 384 };

struct Slices {
    char *first;
    const uint64_t *addresses;  // null where slices lie one behind the other
    int64_t bytes;              // from one to the next
};

DEVICE char *slice(const Slices &s, int64_t number) {
    return s.addresses == nullptr ? s.first + number * s.bytes : (char *)s.addresses[number];
}
