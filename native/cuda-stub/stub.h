// A stand-in for NVIDIA's libcuda.so.1 on machines without a GPU: what its files share.
//
// Device memory is host memory, copies and fills are real, and kernels run where their host build (native/cuda) has been
// loaded with halcyon_stub_kernels. Every call is recorded, and any call can be made to fail. Source of the signatures:
// CUDA driver API manual. One lock guards everything; nothing here is fast.
#ifndef HALCYON_CUDA_STUB_H
#define HALCYON_CUDA_STUB_H

#include <stddef.h>
#include <stdint.h>

#define EXPORT __attribute__((visibility("default")))

enum {
    SUCCESS = 0,
    INVALID_VALUE = 1,
    OUT_OF_MEMORY = 2,
    NOT_INITIALIZED = 3,
    INVALID_DEVICE = 101,
    INVALID_IMAGE = 200,
    INVALID_CONTEXT = 201,
    INVALID_HANDLE = 400,
    NOT_FOUND = 500,
    NOT_READY = 600,
    ILLEGAL_ADDRESS = 700,
    ASSERT = 710,
    HARDWARE_STACK_ERROR = 714,
    MISALIGNED_ADDRESS = 716,
    LAUNCH_FAILED = 719,
    CAPTURE_UNSUPPORTED = 900,
    CAPTURE_INVALIDATED = 901,
    CAPTURE_UNJOINED = 904,
    GRAPH_EXEC_UPDATE_FAILURE = 910
};

typedef uint64_t device_address;
typedef void (*kernel_entry)(const void *params, const unsigned *grid, const unsigned *block, unsigned shared_bytes);

// A row of the table that the host build of the kernels exports as halcyon_host_kernels; a null name ends it.
struct host_kernel {
    const char *name;
    int params_bytes;
    kernel_entry run;
};

struct graph;
struct stream;

// One piece of work on a stream.
struct work {
    enum { COPY, FILL8, FILL32, LAUNCH, WAIT, RECORD, REPLAY } kind;
    void *to;
    const void *from;
    size_t count;
    uint32_t value;
    const struct host_kernel *kernel;
    void *params;
    unsigned grid[3], block[3], shared_bytes;
    struct stream *other;
    uint64_t other_position;
    struct graph *graph;
    struct work *next;
};

struct graph {
    struct work *first, *last;
    struct stream *origin;
    int invalid;
};

struct stream {
    struct work *first, *last;
    uint64_t issued, executed;
    struct graph *capture;
    int unjoined;
    struct stream *next;
};

struct event {
    struct stream *stream;
    uint64_t position;
    struct graph *capture;
};

// control.c
int stub_enter(const char *function, int needs_context, const char *format, ...) __attribute__((format(printf, 3, 4)));
int stub_leave(int code);
long stub_setting(const char *name);
void stub_count(const char *what, long change);
extern _Thread_local uintptr_t stub_current_context;
extern _Thread_local struct graph *stub_capturing;

// memory.c
int stub_range_is_live(const void *start, size_t bytes);
void stub_forget_memory(void);

// stream.c
int stub_submit(struct stream *stream, const struct work *work);
void stub_drain(struct stream *stream, uint64_t position);
void stub_run(const struct work *work);
void stub_poison(int code);
void stub_free_work(struct work *first);
struct work *stub_copy_work(const struct work *work);

// module.c
const struct host_kernel *stub_find_kernel(const char *name);
int halcyon_stub_kernels(const char *path);
int halcyon_stub_run(struct stream *stream, const struct host_kernel *kernel, void *params);

#endif
