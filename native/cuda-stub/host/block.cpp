// Threads of a block as coroutines on one thread of the processor.
//
// A coroutine is entered once with makecontext and lives for ever: when a kernel's body returns it waits for the next
// block. Switches after the first entry are setjmp and longjmp, which do not call the kernel of the operating system.
#include "block.h"

#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <ucontext.h>
#include <vector>

namespace {

constexpr int LANES = 32;
constexpr int MOST_KERNELS = 256;
constexpr size_t STACK_BYTES = 128 << 10;


// Somebody arrives, waits until everybody who has not ended has arrived, and goes on in the next round.
struct Barrier {
    int arrived = 0;
    uint64_t round = 0;
};

struct Coroutine {
    ucontext_t start;
    jmp_buf at;
    bool entered = false;
    bool ended = true;
    // Where it waits, and since which round of that.
    const Barrier *waits_at = nullptr;
    uint64_t round = 0;
    std::vector<char> stack;
};

// A copy that a thread has asked for, and the group that it belongs to.
struct Copy {
    char *to;
    const char *from;
    int bytes;
    uint64_t group;
};

// What a thread has under way.
struct Copies {
    std::vector<Copy> waiting;
    uint64_t group = 0;
};

std::vector<Coroutine *> coroutines;
jmp_buf scheduler;
int running;
int live;
uint64_t progress;
bool backwards;
int turn;
Barrier block_barrier;
std::vector<Barrier> warp_barriers;
std::vector<int> warp_live;
std::vector<uint64_t> exchanged[2];
std::vector<uint8_t> exchange_turns;
std::vector<Copies> copies;
void (*body)(const void *);
// What every GPU gives a launch without being asked for more.
alignas(16) char dynamic_shared[48 << 10];
const void *body_params;

[[noreturn]] void die(const char *why) {
    fprintf(stderr, "cuda-stub: %s (block %lld, %lld, thread %d)\n", why, (long long)host_thread.block_x,
        (long long)host_thread.block_y, host_thread.index);
    abort();
}

bool can_run(const Coroutine &c) { return !c.ended && (c.waits_at == nullptr || c.waits_at->round != c.round); }

// Enters the next thread of the round that can go on, or goes back to the scheduler. Nobody comes back from here.
[[noreturn]] void go_on() {
    int threads = host_thread.count;
    while (++turn < threads) {
        int index = backwards ? threads - 1 - turn : turn;
        Coroutine &next = *coroutines[index];
        if (!can_run(next)) {
            continue;
        }
        running = index;
        host_thread.index = index;
        if (next.entered) {
            _longjmp(next.at, 1);
        }
        next.entered = true;
        setcontext(&next.start);
        die("a thread could not be started");
    }
    _longjmp(scheduler, 1);
}

void yield() {
    if (_setjmp(coroutines[running]->at) == 0) {
        go_on();
    }
}

void pass(Barrier &barrier) {
    barrier.arrived = 0;
    barrier.round++;
    progress++;
}

void arrive(Barrier &barrier, int &expected) {
    if (++barrier.arrived == expected) {
        pass(barrier);
        return;
    }
    Coroutine &own = *coroutines[running];
    own.waits_at = &barrier;
    own.round = barrier.round;
    yield();
}

void end_thread() {
    int warp = running / LANES;
    live--;
    warp_live[warp]--;
    progress++;
    if (live > 0 && block_barrier.arrived == live) {
        pass(block_barrier);
    }
    coroutines[running]->ended = true;
}

void live_for_ever() {
    for (;;) {
        body(body_params);
        end_thread();
        yield();
    }
}

// Apart from its caller, because getcontext may return twice.
__attribute__((noinline)) void prepare(Coroutine *fresh) {
    fresh->stack.resize(STACK_BYTES);
    getcontext(&fresh->start);
    fresh->start.uc_stack.ss_sp = fresh->stack.data();
    fresh->start.uc_stack.ss_size = STACK_BYTES;
    fresh->start.uc_link = nullptr;
    makecontext(&fresh->start, live_for_ever, 0);
}

void create(int threads) {
    while ((int)coroutines.size() < threads) {
        coroutines.push_back(new Coroutine);
        prepare(coroutines.back());
    }
}

void run_block(int threads) {
    memset(dynamic_shared, 0xff, sizeof dynamic_shared);    // NaN, as it may well be
    live = threads;
    block_barrier = Barrier();
    int warps = (threads + LANES - 1) / LANES;
    warp_barriers.assign(warps, Barrier());
    warp_live.assign(warps, 0);
    exchanged[0].assign(threads, 0);
    exchanged[1].assign(threads, 0);
    exchange_turns.assign(threads, 0);
    if ((int)copies.size() < threads) {
        copies.resize(threads);
    }
    for (int i = 0; i < threads; i++) {
        warp_live[i / LANES]++;
        coroutines[i]->ended = false;
        coroutines[i]->waits_at = nullptr;
        copies[i].waiting.clear();
        copies[i].group = 0;
    }
    while (live > 0) {
        uint64_t before = progress;
        // Forwards and backwards in turn: who relies on an order without a barrier is found out by one of them.
        backwards = !backwards;
        turn = -1;
        if (_setjmp(scheduler) == 0) {
            go_on();
        }
        if (progress == before) {
            die("the threads of a block wait for one another for ever");
        }
    }
}

}  // namespace

struct KernelRow {
    const char *name;
    int params_bytes;
    HostEntry run;
};

// As native/cuda-stub/stub.h reads it: a null name ends it.
extern "C" {
__attribute__((visibility("default"))) KernelRow halcyon_host_kernels[MOST_KERNELS + 1];
}

HostThread host_thread;

HostKernel::HostKernel(const char *name, int params_bytes, int most_threads, HostEntry run) {
    static int count;
    if (count == MOST_KERNELS || params_bytes % 8 != 0 || most_threads > 1024) {
        die("a kernel cannot be registered");
    }
    halcyon_host_kernels[count++] = {name, params_bytes, run};
}

char *shared_memory() { return dynamic_shared; }

void copy_async(void *to, const void *from, int bytes) {
    if ((uintptr_t)to % 16 != 0 || (bytes > 0 && (uintptr_t)from % 16 != 0) || bytes < 0 || bytes > 16) {
        die("an asynchronous copy between addresses that are no multiples of 16, or of more than 16 bytes");
    }
    Copies &own = copies[running];
    own.waiting.push_back({(char *)to, (const char *)from, bytes, own.group});
}

void commit_copies() { copies[running].group++; }

void wait_for_copies(int groups) {
    Copies &own = copies[running];
    size_t left = 0;
    for (const Copy &copy : own.waiting) {
        if (copy.group + groups >= own.group) {
            own.waiting[left++] = copy;
            continue;
        }
        memset(copy.to, 0, 16);
        memcpy(copy.to, copy.from, copy.bytes);
    }
    own.waiting.resize(left);
}

void sync_block() { arrive(block_barrier, live); }

void sync_warp() { arrive(warp_barriers[running / LANES], warp_live[running / LANES]); }

uint64_t exchange_bits(uint64_t bits, int mask) {
    int warp = running / LANES;
    int lanes = host_thread.count - warp * LANES < LANES ? host_thread.count - warp * LANES : LANES;
    if (warp_live[warp] != lanes || lanes != LANES) {
        die("an exchange in a warp of which some threads have ended");
    }
    // Two places in turn: who goes on at once cannot overtake who has not looked yet.
    std::vector<uint64_t> &place = exchanged[exchange_turns[running]++ & 1];
    place[running] = bits;
    arrive(warp_barriers[warp], warp_live[warp]);
    return place[running ^ mask];
}

void run_grid(
    void (*kernel)(const void *), const void *params, const unsigned *grid, const unsigned *block, int most_threads,
    unsigned shared_bytes) {
    if (shared_bytes > sizeof dynamic_shared) {
        die("more shared memory than a launch may ask for");
    }
    int threads = (int)block[0];
    if (threads > most_threads) {
        die("more threads than the kernel was compiled for");
    }
    create(threads);
    body = kernel;
    body_params = params;
    host_thread.count = threads;
    host_thread.grid_x = grid[0];
    for (unsigned y = 0; y < grid[1]; y++) {
        for (unsigned x = 0; x < grid[0]; x++) {
            host_thread.block_x = x;
            host_thread.block_y = y;
            run_block(threads);
        }
    }
}
