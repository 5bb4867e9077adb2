// Copies and fills of views with up to six dimensions, element by element.
#include "formats.cuh"

enum { DIMS = 6 };

struct CopyStridedParams {
    int64_t words;
    void *to;
    const void *from;
    int64_t element_bytes, elements;
    int64_t dims[DIMS], to_strides[DIMS], from_strides[DIMS];
};

struct FillStridedParams {
    int64_t words;
    void *to;
    uint64_t pattern;
    int64_t element_bytes, elements;
    int64_t dims[DIMS], strides[DIMS];
};

// Where element `number` of a view lies, in elements from its first.
DEVICE int64_t position(int64_t number, const int64_t *dims, const int64_t *strides) {
    int64_t at = 0;
    for (int i = DIMS - 1; i >= 0; i--) {
        at += number % dims[i] * strides[i];
        number /= dims[i];
    }
    return at;
}

KERNEL(copy_strided, CopyStridedParams, 256) {
    for (int64_t i = grid_thread(); i < p.elements; i += grid_threads()) {
        uint64_t bits = load_bits(p.from, position(i, p.dims, p.from_strides), p.element_bytes);
        store_bits(p.to, position(i, p.dims, p.to_strides), p.element_bytes, bits);
    }
}

KERNEL(fill_strided, FillStridedParams, 256) {
    for (int64_t i = grid_thread(); i < p.elements; i += grid_threads()) {
        store_bits(p.to, position(i, p.dims, p.strides), p.element_bytes, p.pattern);
    }
}
