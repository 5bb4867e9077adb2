// A stand-in for NVIDIA's libcublasLt on what stands in for the driver: products on the processor, in the order of the
// stream, as little of the library as the backend calls. Source of signatures and numbers: cuBLAS manual, cuBLASLt API.
//
// It takes F32 and BF16 and refuses F16, so that a refusal is tried too; its wish for a workspace is 4 KiB.
#include "../stub.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STATUS_SUCCESS = 0, STATUS_INVALID_VALUE = 7, STATUS_EXECUTION_FAILED = 13, STATUS_NOT_SUPPORTED = 15 };
enum { TYPE_F32 = 0, TYPE_BF16 = 14 };
enum { COMPUTE_F32 = 68 };
enum { DESC_TRANSA = 3, DESC_TRANSB = 4 };
enum { LAYOUT_BATCH_COUNT = 5, LAYOUT_BATCH_STRIDE = 6 };
enum { PREFERENCE_WORKSPACE = 1 };
enum { WORKSPACE = 4096 };

struct description {
    int compute, scale, transpose_a, transpose_b;
};

struct layout {
    int type, batch;
    uint64_t rows, columns;
    int64_t leading, batch_stride;
};

struct preference {
    uint64_t workspace;
};

struct heuristic {
    uint64_t algorithm[8];
    size_t workspace;
    int state;
    float waves;
    int reserved[4];
};

// The parameter block of the stub's kernels: 8-byte words, counted by the first.
struct product {
    uint64_t words;
    const void *a, *b, *c;
    void *d;
    struct layout a_layout, b_layout, c_layout;
    struct description description;
    float alpha, beta;
};

EXPORT size_t cublasLtGetVersion(void) {
    return 130000;
}

EXPORT const char *cublasLtGetStatusString(int status) {
    return status == STATUS_NOT_SUPPORTED ? "CUBLAS_STATUS_NOT_SUPPORTED" : "a status of the stub";
}

EXPORT int cublasLtCreate(void **handle) {
    *handle = malloc(1);
    return STATUS_SUCCESS;
}

EXPORT int cublasLtDestroy(void *handle) {
    free(handle);
    return STATUS_SUCCESS;
}

EXPORT int cublasLtMatmulDescCreate(struct description **to, int compute, int scale) {
    *to = calloc(1, sizeof **to);
    **to = (struct description){.compute = compute, .scale = scale};
    return compute == COMPUTE_F32 && scale == TYPE_F32 ? STATUS_SUCCESS : STATUS_NOT_SUPPORTED;
}

EXPORT int cublasLtMatmulDescSetAttribute(struct description *of, int attribute, const int *value, size_t bytes) {
    if (bytes != sizeof *value || (attribute != DESC_TRANSA && attribute != DESC_TRANSB)) {
        return STATUS_INVALID_VALUE;
    }
    *(attribute == DESC_TRANSA ? &of->transpose_a : &of->transpose_b) = *value;
    return STATUS_SUCCESS;
}

EXPORT int cublasLtMatmulDescDestroy(struct description *of) {
    free(of);
    return STATUS_SUCCESS;
}

EXPORT int cublasLtMatrixLayoutCreate(struct layout **to, int type, uint64_t rows, uint64_t columns, int64_t leading) {
    *to = calloc(1, sizeof **to);
    **to = (struct layout){.type = type, .batch = 1, .rows = rows, .columns = columns, .leading = leading};
    return (uint64_t)leading >= rows ? STATUS_SUCCESS : STATUS_INVALID_VALUE;
}

EXPORT int cublasLtMatrixLayoutSetAttribute(struct layout *of, int attribute, const void *value, size_t bytes) {
    if (attribute == LAYOUT_BATCH_COUNT && bytes == sizeof of->batch) {
        memcpy(&of->batch, value, bytes);
        return STATUS_SUCCESS;
    }
    if (attribute == LAYOUT_BATCH_STRIDE && bytes == sizeof of->batch_stride) {
        memcpy(&of->batch_stride, value, bytes);
        return STATUS_SUCCESS;
    }
    return STATUS_INVALID_VALUE;
}

EXPORT int cublasLtMatrixLayoutDestroy(struct layout *of) {
    free(of);
    return STATUS_SUCCESS;
}

EXPORT int cublasLtMatmulPreferenceCreate(struct preference **to) {
    *to = calloc(1, sizeof **to);
    return STATUS_SUCCESS;
}

// The other attributes are alignments, which do not matter here.
EXPORT int cublasLtMatmulPreferenceSetAttribute(struct preference *of, int attribute, const void *value, size_t bytes) {
    if (attribute == PREFERENCE_WORKSPACE) {
        memcpy(&of->workspace, value, sizeof of->workspace);
    }
    return bytes == (attribute == PREFERENCE_WORKSPACE ? 8u : 4u) ? STATUS_SUCCESS : STATUS_INVALID_VALUE;
}

EXPORT int cublasLtMatmulPreferenceDestroy(struct preference *of) {
    free(of);
    return STATUS_SUCCESS;
}

static int is_known(const struct layout *layout) {
    return layout->type == TYPE_F32 || layout->type == TYPE_BF16;
}

static int do_fit(const struct description *how, const struct layout *a, const struct layout *b, const struct layout *c) {
    uint64_t rows = how->transpose_a ? a->columns : a->rows;
    uint64_t depth = how->transpose_a ? a->rows : a->columns;
    return depth == (how->transpose_b ? b->columns : b->rows) && rows == c->rows &&
        c->columns == (how->transpose_b ? b->rows : b->columns) && a->batch == c->batch && b->batch == c->batch;
}

EXPORT int cublasLtMatmulAlgoGetHeuristic(
    void *handle, const struct description *how, const struct layout *a, const struct layout *b, const struct layout *c,
    const struct layout *d, const struct preference *preference, int wanted, struct heuristic *found, int *count) {
    (void)handle;
    *count = 0;
    if (!do_fit(how, a, b, c) || d->rows != c->rows || wanted < 1) {
        return STATUS_INVALID_VALUE;
    }
    if (!is_known(a) || !is_known(b) || !is_known(c)) {
        return STATUS_NOT_SUPPORTED;
    }
    memset(found, 0, sizeof *found);
    found->algorithm[0] = 0xA160;
    found->workspace = preference->workspace >= WORKSPACE ? WORKSPACE : 0;
    *count = 1;
    return STATUS_SUCCESS;
}

static float load(const void *from, int type, int64_t index) {
    if (type == TYPE_F32) {
        return ((const float *)from)[index];
    }
    uint32_t bits = (uint32_t)((const uint16_t *)from)[index] << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static void store(void *to, int type, int64_t index, float value) {
    if (type == TYPE_F32) {
        ((float *)to)[index] = value;
        return;
    }
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    // To nearest, ties to even; a number that is none stays none.
    uint32_t rounded = value != value ? bits | 0x400000 : bits + 0x7fff + (bits >> 16 & 1);
    ((uint16_t *)to)[index] = (uint16_t)(rounded >> 16);
}

static int64_t at(const struct layout *layout, int transposed, int64_t row, int64_t column, int64_t matrix) {
    return matrix * layout->batch_stride + (transposed ? column + row * layout->leading : row + column * layout->leading);
}

static void multiply(const void *params, const unsigned *grid, const unsigned *block, unsigned shared_bytes) {
    const struct product *p = params;
    int transpose_a = p->description.transpose_a;
    int transpose_b = p->description.transpose_b;
    int64_t depth = (int64_t)(transpose_a ? p->a_layout.rows : p->a_layout.columns);
    (void)grid;
    (void)block;
    (void)shared_bytes;
    for (int64_t matrix = 0; matrix < p->c_layout.batch; matrix++) {
        for (int64_t column = 0; column < (int64_t)p->c_layout.columns; column++) {
            for (int64_t row = 0; row < (int64_t)p->c_layout.rows; row++) {
                float sum = 0;
                for (int64_t i = 0; i < depth; i++) {
                    sum += load(p->a, p->a_layout.type, at(&p->a_layout, transpose_a, row, i, matrix)) *
                        load(p->b, p->b_layout.type, at(&p->b_layout, transpose_b, i, column, matrix));
                }
                int64_t place = at(&p->c_layout, 0, row, column, matrix);
                float before = p->beta == 0 ? 0 : p->beta * load(p->c, p->c_layout.type, place);
                store(p->d, p->c_layout.type, place, p->alpha * sum + before);
            }
        }
    }
}

EXPORT int cublasLtMatmul(
    void *handle, const struct description *how, const float *alpha, const void *a, const struct layout *a_layout,
    const void *b, const struct layout *b_layout, const float *beta, const void *c, const struct layout *c_layout, void *d,
    const struct layout *d_layout, const uint64_t *algorithm, void *workspace, size_t workspace_bytes,
    struct stream *stream) {
    static const struct host_kernel kernel = {"cublasLtMatmul", sizeof(struct product), multiply};
    (void)handle;
    (void)d_layout;
    if (algorithm == NULL || algorithm[0] != 0xA160 || (workspace_bytes > 0 && workspace == NULL)) {
        return STATUS_INVALID_VALUE;
    }
    struct product product = {.words = sizeof(struct product) / 8, .a = a, .b = b, .c = c, .d = d, .a_layout = *a_layout,
        .b_layout = *b_layout, .c_layout = *c_layout, .description = *how, .alpha = *alpha, .beta = *beta};
    return halcyon_stub_run(stream, &kernel, &product) == SUCCESS ? STATUS_SUCCESS : STATUS_EXECUTION_FAILED;
}
