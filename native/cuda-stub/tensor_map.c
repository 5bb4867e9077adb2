// Tile descriptors: the stub's hold what was said, so that a test can read it back.
#include "stub.h"

#include <string.h>

EXPORT int cuTensorMapEncodeTiled(
    uint64_t *map, int type, unsigned rank, device_address address, const uint64_t *dims, const uint64_t *strides,
    const uint32_t *box, const uint32_t *steps, int interleave, int swizzle, int promotion, int beyond) {
    int code = stub_enter(__func__, 0, "%d, %u, %d, %d, %d, %d", type, rank, interleave, swizzle, promotion, beyond);
    if (code != SUCCESS || (uintptr_t)map % 64 != 0 || rank < 1 || rank > 5 || address % 16 != 0) {
        return stub_leave(code != SUCCESS ? code : INVALID_VALUE);
    }
    memset(map, 0, 128);
    map[0] = address;
    for (unsigned i = 0; i < rank; i++) {
        if (steps[i] != 1 || box[i] == 0 || box[i] > 256 || (i + 1 < rank && strides[i] % 16 != 0)) {
            return stub_leave(INVALID_VALUE);
        }
        map[1 + i] = dims[i];
        map[6 + i] = i + 1 < rank ? strides[i] : 0;
        map[11 + i] = box[i];
    }
    return stub_leave(SUCCESS);
}
