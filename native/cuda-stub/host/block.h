// The processor's side of native/cuda/device.cuh: the threads of a block run in turn, each until it waits for others.
#ifndef HALCYON_CUDA_BLOCK_H
#define HALCYON_CUDA_BLOCK_H

#include <cstdint>
#include <cstring>

#define DEVICE inline
#define SHARED(type, name, count) static type name[count]
#define UNROLL
#define ROLLED

struct alignas(16) uint4 {
    uint32_t x, y, z, w;
};

// Registers a kernel under its name, and lets a body that sees `p` follow.
#define KERNEL(name, Params, threads)                                                             \
    static void name(const Params &p);                                                            \
    static const HostKernel name##_host(#name, sizeof(Params), threads,                           \
        [](const void *params, const unsigned *grid, const unsigned *block, unsigned shared) {    \
            run_grid([](const void *at) { name(*static_cast<const Params *>(at)); }, params, grid, block, threads, shared); \
        });                                                                                       \
    static void name(const Params &p)

typedef void (*HostEntry)(const void *params, const unsigned *grid, const unsigned *block, unsigned shared_bytes);

struct HostKernel {
    HostKernel(const char *name, int params_bytes, int most_threads, HostEntry run);
};

// Runs every block of a grid, one after the other. Ends the process, loudly, if threads wait for one another for ever or
// a warp exchanges values with a thread that has ended, which no GPU defines.
void run_grid(
    void (*body)(const void *params), const void *params, const unsigned *grid, const unsigned *block, int most_threads,
    unsigned shared_bytes);

struct HostThread {
    int index, count;
    int64_t block_x, block_y, grid_x;
};
extern HostThread host_thread;

DEVICE int thread_index() { return host_thread.index; }
DEVICE int thread_count() { return host_thread.count; }
DEVICE int64_t block_x() { return host_thread.block_x; }
DEVICE int64_t block_y() { return host_thread.block_y; }
DEVICE int64_t grid_x() { return host_thread.grid_x; }

void sync_block();
void sync_warp();
uint64_t exchange_bits(uint64_t bits, int mask);

template <class T>
DEVICE T exchange(T value, int mask) {
    static_assert(sizeof(T) <= 8, "a lane exchanges at most 8 bytes");
    uint64_t bits = 0;
    memcpy(&bits, &value, sizeof value);
    bits = exchange_bits(bits, mask);
    memcpy(&value, &bits, sizeof value);
    return value;
}

char *shared_memory();

// Copies arrive as late as they may: when somebody waits for them.
void copy_async(void *to, const void *from, int bytes);
void commit_copies();
void wait_for_copies(int groups);

template <int Groups>
DEVICE void wait_for_copies() { wait_for_copies(Groups); }

DEVICE void atomic_max(float *at, float value) { *at = value > *at ? value : *at; }

DEVICE int32_t atomic_add(int32_t *at, int32_t value) {
    int32_t before = *at;
    *at += value;
    return before;
}

DEVICE uint64_t atomic_add(uint64_t *at, uint64_t value) {
    uint64_t before = *at;
    *at += value;
    return before;
}

#endif
