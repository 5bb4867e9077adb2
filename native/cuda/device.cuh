// What every kernel is written with: its declaration, threads, barriers, exchanges inside a warp, atomics.
//
// nvcc makes device code of it; with HALCYON_HOST a C++ compiler makes code for the processor, where ../cuda-stub/host runs
// the threads of a block in turn. Kernels use nothing of CUDA but what is here, so that they run in both.
//
// A kernel has one parameter block whose fields are 8 bytes wide; the first counts the fields.
#pragma once

#include <stdint.h>

#ifdef HALCYON_HOST

#include "block.h"

#else

#define DEVICE __device__ __forceinline__
#define KERNEL(name, Params, threads) extern "C" __global__ void __launch_bounds__(threads) name(const __grid_constant__ Params p)
#define SHARED(type, name, count) __shared__ type name[count]
#define UNROLL _Pragma("unroll")
#define ROLLED _Pragma("unroll 1")

DEVICE int thread_index() { return (int)threadIdx.x; }
DEVICE int thread_count() { return (int)blockDim.x; }
DEVICE int64_t block_x() { return blockIdx.x; }
DEVICE int64_t block_y() { return blockIdx.y; }
DEVICE int64_t grid_x() { return gridDim.x; }
DEVICE void sync_block() { __syncthreads(); }
DEVICE void sync_warp() { __syncwarp(); }

// The value of the lane whose number differs in the bits of mask; every lane of the warp takes part.
template <class T>
DEVICE T exchange(T value, int mask) { return __shfl_xor_sync(0xffffffffu, value, mask); }

// The shared memory that a launch asks for, aligned to 16 bytes.
DEVICE char *shared_memory() {
    extern __shared__ uint4 dynamic_shared[];
    return (char *)dynamic_shared;
}

// For floats that are no NaN: as integers, positive ones order as they are and negative ones the other way round.
DEVICE void atomic_max(float *at, float value) {
    if (value >= 0) {
        atomicMax((int *)at, __float_as_int(value + 0.0f));
    } else {
        atomicMin((unsigned *)at, __float_as_uint(value));
    }
}

DEVICE uint64_t atomic_add(uint64_t *at, uint64_t value) {
    return (uint64_t)atomicAdd((unsigned long long *)at, (unsigned long long)value);
}

DEVICE int32_t atomic_add(int32_t *at, int32_t value) {
    return atomicAdd(at, value);
}

// Copies 16 bytes from global to shared memory while the thread goes on; of them the first `bytes` are read, the others
// become 0. Both addresses are multiples of 16.
DEVICE void copy_async(void *to, const void *from, int bytes) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;"
                 :
                 : "r"((uint32_t)__cvta_generic_to_shared(to)), "l"(from), "r"(bytes)
                 : "memory");
}

// Ends a group of copies, which may be empty.
DEVICE void commit_copies() { asm volatile("cp.async.commit_group;" : : : "memory"); }

// Waits until this thread's copies have arrived, those of the last Groups groups excepted. Others' copies need a barrier too.
template <int Groups>
DEVICE void wait_for_copies() { asm volatile("cp.async.wait_group %0;" : : "n"(Groups) : "memory"); }

#endif

enum { WARP = 32 };

// The first of this thread's elements in a loop over all threads of the grid, and the step to the next.
DEVICE int64_t grid_thread() { return block_x() * thread_count() + thread_index(); }
DEVICE int64_t grid_threads() { return grid_x() * thread_count(); }

// Row counts are upper bounds; an optional number on the device says how many rows count.
DEVICE int64_t live_rows(int64_t rows, const int32_t *active_rows) {
    if (active_rows == nullptr) {
        return rows;
    }
    int64_t active = *active_rows;
    return active < 0 ? 0 : active < rows ? active : rows;
}
