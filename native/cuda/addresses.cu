// Writes a table of addresses, part by part.
#include "slices.cuh"

struct AddressesParams {
    int64_t words;
    uint64_t *table;
    int64_t count;
    uint64_t addresses[ADDRESSES];
};

KERNEL(addresses, AddressesParams, 128) {
    for (int64_t i = thread_index(); i < p.count; i += thread_count()) {
        p.table[i] = p.addresses[i];
    }
}
