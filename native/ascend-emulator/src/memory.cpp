// Device memory and pinned host memory: blocks, bounds, poison, and who touched which bytes last.
//
// Device memory is one file in memory, mapped twice: where device addresses point it may not be touched, so a host that
// follows a device pointer stops there; workers use the other mapping. Device addresses are never given out twice.
#include "core.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace emu {

namespace {
const uint64_t SPACE = 1ull << 43, PAGE = 4096;

struct Memory {
    int file = -1;
    uint64_t device = 0, alias = 0, next = PAGE;
    std::map<uint64_t, std::shared_ptr<Block>> blocks; // by start
};
Memory &memory()
{
    static Memory *one = new Memory;
    return *one;
}

void reserve()
{
    Memory &m = memory();
    if (m.device)
        return;
    m.file = static_cast<int>(syscall(SYS_memfd_create, "ascend-emulator", 1u));
    if (m.file < 0 || ftruncate(m.file, static_cast<off_t>(SPACE)) != 0)
        fail(MEMORY_ALLOCATION, "the system gives no shared memory for the emulated device");
    void *hidden = mmap(nullptr, SPACE, PROT_NONE, MAP_SHARED | MAP_NORESERVE, m.file, 0);
    void *alias = mmap(nullptr, SPACE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, m.file, 0);
    if (hidden == MAP_FAILED || alias == MAP_FAILED)
        fail(MEMORY_ALLOCATION, "the system gives no address space for the emulated device");
    madvise(alias, SPACE, MADV_DONTDUMP);
    m.device = reinterpret_cast<uint64_t>(hidden);
    m.alias = reinterpret_cast<uint64_t>(alias);
}

uint64_t round_up(uint64_t n, uint64_t to)
{
    return (n + to - 1) / to * to;
}

/* What a device takes for a block of this size. */
uint64_t taken(uint64_t size)
{
    return round_up(size, 32) + (state().settings.product == Product::A950 ? 0 : 32);
}

void check_free(const std::shared_ptr<Block> &block, const char *what)
{
    if (block->captured)
        violation(4, UNDEFINED, format("%s %p is freed while a graph refers to it", what, (void *)block->start));
    if (block->queued)
        violation(block->space == Space::DEVICE ? 4 : 6, UNDEFINED,
            format("%s %p is freed while %d queued tasks refer to it", what, (void *)block->start, block->queued));
    else
        for (auto &access : block->accesses) {
            const Access &last = access.second;
            uint32_t late = last.written > state().host.of(last.writer) ? last.writer : 0;
            for (auto &reader : last.readers)
                if (reader.second > state().host.of(reader.first))
                    late = reader.first;
            if (late) {
                violation(4, UNDEFINED, format("%s %p is freed before the host synchronised with its last use%s%s", what,
                    (void *)block->start, last.by.empty() ? "" : " by ", last.by.c_str()));
                break;
            }
        }
}
} // namespace

bool in_device_space(uint64_t address)
{
    return memory().device && address >= memory().device && address < memory().device + SPACE;
}

uint8_t *backing(uint64_t address)
{
    return reinterpret_cast<uint8_t *>(in_device_space(address) ? address - memory().device + memory().alias : address);
}

std::shared_ptr<Block> block_at(uint64_t address)
{
    auto &blocks = memory().blocks;
    auto after = blocks.upper_bound(address);
    if (after == blocks.begin())
        return nullptr;
    auto &block = std::prev(after)->second;
    return address < block->start + block->size ? block : nullptr;
}

std::shared_ptr<Block> need_device(const void *address, uint64_t size, int32_t code, const char *what)
{
    uint64_t at = reinterpret_cast<uint64_t>(address);
    auto block = block_at(at);
    std::string text;
    int rule = 2;
    if (!in_device_space(at)) {
        text = format("%s %p is a host address", what, address);
    } else if (!block) {
        rule = 13;
        text = format("%s %p is in no allocation", what, address);
    } else if (!block->live) {
        rule = 4;
        text = format("%s %p is in a block that was freed", what, address);
    } else if (at + size > block->start + block->size) {
        rule = 13;
        text = format("%s %p + %llu bytes ends beyond its allocation %p + %llu", what, address, (unsigned long long)size,
            (void *)block->start, (unsigned long long)block->size);
    } else {
        return block;
    }
    violation(rule, UNDEFINED, text);
    fail(code, text);
}

void fill_poison(uint8_t *to, uint64_t size)
{
    // 0xFFA5 in memory order a5 ff: a NaN as BF16, F16, F32 and F64, a negative index as I32 and I64.
    auto byte = [to](uint64_t i) { to[i] = (reinterpret_cast<uintptr_t>(to + i) & 1) ? 0xff : 0xa5; };
    uint64_t i = 0;
    for (; i < size && reinterpret_cast<uintptr_t>(to + i) % 8; i++)
        byte(i);
    uint64_t words = (size - i) / 8;
    std::fill_n(reinterpret_cast<uint64_t *>(to + i), words, 0xffa5ffa5ffa5ffa5ull);
    for (i += words * 8; i < size; i++)
        byte(i);
}

void record_access(const Range &range, uint32_t component, uint64_t time, const Clock &seen, const std::string &by)
{
    auto block = block_at(range.address);
    if (!block || !range.size)
        return;
    auto &map = block->accesses;
    uint64_t start = range.address, end = std::min(range.address + range.size, block->start + block->size);
    auto split = [&map](uint64_t at) {
        auto after = map.upper_bound(at);
        if (after == map.begin())
            return;
        auto piece = std::prev(after);
        if (piece->first < at && piece->second.end > at) {
            Access rest = piece->second;
            piece->second.end = at;
            map.emplace(at, rest);
        }
    };
    split(start);
    split(end);
    bool raced = false;
    auto race = [&](uint32_t other, uint64_t when, const Access &last, const char *kind) {
        if (raced || other == component || when <= seen.of(other))
            return;
        raced = true;
        violation(5, UNDEFINED, format("%s %s %p + %llu without an event or synchronisation after %s %s it",
            by.c_str(), range.write ? "writes" : "reads", (void *)start, (unsigned long long)(end - start),
            other == 0 ? "the host" : last.by.empty() ? "another stream" : last.by.c_str(), kind));
    };
    uint64_t at = start;
    for (auto piece = map.lower_bound(start); piece != map.end() && piece->first < end;) {
        Access &last = piece->second;
        race(last.writer, last.written, last, "wrote");
        if (range.write) {
            for (auto &reader : last.readers)
                race(reader.first, reader.second, last, "read");
            piece = map.erase(piece);
            continue;
        }
        last.readers[component] = time;
        if (at < piece->first)
            map.emplace(at, Access{piece->first, 0, 0, "", {{component, time}}});
        at = last.end;
        ++piece;
    }
    if (range.write)
        map[start] = Access{end, component, time, by, {}};
    else if (at < end)
        map[at] = Access{end, 0, 0, "", {{component, time}}};
}

void forget_memory()
{
    for (auto &entry : memory().blocks) {
        Block &block = *entry.second;
        if (block.space == Space::PINNED && !block.registered)
            munmap(reinterpret_cast<void *>(block.start), block.mapped);
        block.live = false;
        block.accesses.clear();
    }
    Memory &m = memory();
    m.blocks.clear();
    if (m.file >= 0)
        fallocate(m.file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(m.next));
    m.next = PAGE; // as a new process: addresses begin anew
}

static void *allocate(uint64_t size)
{
    Lock lock(state().mutex);
    auto of = context();
    check_fault(of->device);
    refuse_in_capture(CAPTURE_MODE_NOT_SUPPORT);
    if (!size) {
        violation(7, CODED, "an allocation of 0 bytes");
        fail(INVALID_PARAM, "size is 0");
    }
    Device &device = state().devices[of->device];
    if (strikes(state().settings.malloc_in))
        fail(MEMORY_ALLOCATION, "injected: this allocation fails");
    if (size > state().settings.memory || device.used + taken(size) > state().settings.memory)
        fail(MEMORY_ALLOCATION, format("%llu bytes asked for, %llu of %llu in use", (unsigned long long)size,
            (unsigned long long)device.used, (unsigned long long)state().settings.memory));
    reserve();
    Memory &m = memory();
    uint64_t mapped = round_up(size, PAGE);
    if (m.next + mapped + PAGE > SPACE)
        fail(MEMORY_ALLOCATION, "the emulated address space is used up: addresses are never given out twice");
    auto block = std::make_shared<Block>();
    block->start = m.device + m.next;
    block->size = size;
    block->mapped = mapped;
    block->space = Space::DEVICE;
    block->device = of->device;
    m.next += mapped + PAGE; // a page between blocks, so that no overrun reaches the next one
    m.blocks[block->start] = block;
    device.used += taken(size);
    count("allocations");
    count("live.device");
    count("bytes.device", static_cast<int64_t>(size));
    count_peak("bytes.device.peak", emu::state().devices[of->device].used);
    bool poison = state().settings.poison;
    lock.unlock();
    if (poison)
        fill_poison(backing(block->start), size);
    return reinterpret_cast<void *>(block->start);
}

static std::shared_ptr<Block> block_to_free(void *pointer, Space space)
{
    if (!pointer) {
        violation(7, CODED, "a null pointer is freed");
        fail(PARAM_INVALID, "the pointer is null");
    }
    auto block = block_at(reinterpret_cast<uint64_t>(pointer));
    bool right = block && block->start == reinterpret_cast<uint64_t>(pointer) && block->space == space;
    if (right && block->live)
        return block;
    std::string text = format("%p is %s", pointer, right ? "freed twice" : "no block of this kind of memory");
    violation(right ? 1 : 2, CODED, text);
    fail(PARAM_INVALID, text);
}

static void release(void *pointer)
{
    Lock lock(state().mutex);
    context();
    refuse_in_capture(CAPTURE_MODE_NOT_SUPPORT);
    auto block = block_to_free(pointer, Space::DEVICE);
    check_free(block, "device block");
    block->live = false;
    block->accesses.clear();
    state().devices[block->device].used -= taken(block->size);
    count("live.device", -1);
    count("bytes.device", -static_cast<int64_t>(block->size));
    // Work that still runs must find memory: then it holds poison, otherwise the pages go back.
    if (block->queued && state().settings.poison)
        fill_poison(backing(block->start), block->size);
    else
        fallocate(memory().file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
            static_cast<off_t>(block->start - memory().device), static_cast<off_t>(block->mapped));
}

static std::shared_ptr<Block> pin(uint64_t start, uint64_t size, uint64_t mapped, bool registered)
{
    auto block = std::make_shared<Block>();
    block->start = start;
    block->size = size;
    block->mapped = mapped;
    block->space = Space::PINNED;
    block->device = 0;
    block->registered = registered;
    memory().blocks[start] = block;
    count("live.host");
    count("bytes.host", static_cast<int64_t>(size));
    return block;
}

static void *allocate_host(uint64_t size)
{
    Lock lock(state().mutex);
    context();
    refuse_in_capture(CAPTURE_MODE_NOT_SUPPORT);
    if (!size) {
        violation(7, CODED, "an allocation of 0 bytes");
        fail(INVALID_PARAM, "size is 0");
    }
    if (strikes(state().settings.malloc_host_in))
        fail(MEMORY_ALLOCATION, "injected: this allocation of pinned memory fails");
    uint64_t mapped = round_up(size, PAGE);
    void *memory_of_host = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory_of_host == MAP_FAILED)
        fail(MEMORY_ALLOCATION, "the system gives no memory");
    pin(reinterpret_cast<uint64_t>(memory_of_host), size, mapped, false);
    if (state().settings.poison)
        fill_poison(static_cast<uint8_t *>(memory_of_host), size);
    return memory_of_host;
}

static void release_host(void *pointer, bool registered)
{
    Lock lock(state().mutex);
    refuse_in_capture(CAPTURE_MODE_NOT_SUPPORT);
    auto block = block_to_free(pointer, Space::PINNED);
    if (block->registered != registered)
        fail(PARAM_INVALID, "registered memory is unregistered, allocated memory freed");
    check_free(block, "pinned block");
    block->live = false;
    block->accesses.clear();
    count("live.host", -1);
    count("bytes.host", -static_cast<int64_t>(block->size));
    if (registered)
        memory().blocks.erase(block->start);
    else // The range stays reserved, so that a late copy into it harms nobody and the address is not given out again.
        madvise(pointer, block->mapped, MADV_DONTNEED);
}

} // namespace emu

using namespace emu;

#define ALLOCATION(name, ...)                                                                                                  \
    EMU_EXPORT int32_t impl_##name(void **devPtr, size_t size, int32_t policy __VA_ARGS__)                                     \
    {                                                                                                                          \
        (void)policy;                                                                                                          \
        return entry(#name, [&] {                                                                                              \
            if (!devPtr)                                                                                                       \
                fail(INVALID_PARAM, "devPtr is null");                                                                         \
            *devPtr = allocate(size);                                                                                          \
        });                                                                                                                    \
    }
ALLOCATION(aclrtMalloc)
ALLOCATION(aclrtMallocAlign32)
ALLOCATION(aclrtMallocCached)
ALLOCATION(aclrtMallocWithCfg, , void *)

EMU_EXPORT int32_t impl_aclrtFree(void *devPtr)
{
    return entry("aclrtFree", [&] { release(devPtr); });
}

EMU_EXPORT int32_t impl_aclrtMallocHost(void **hostPtr, size_t size)
{
    return entry("aclrtMallocHost", [&] {
        if (!hostPtr)
            fail(INVALID_PARAM, "hostPtr is null");
        *hostPtr = allocate_host(size);
    });
}

EMU_EXPORT int32_t impl_aclrtFreeHost(void *hostPtr)
{
    return entry("aclrtFreeHost", [&] { release_host(hostPtr, false); });
}

EMU_EXPORT int32_t impl_aclrtFreeWithDevSync(void *devPtr)
{
    int32_t code = impl_aclrtSynchronizeDevice();
    return code ? code : entry("aclrtFreeWithDevSync", [&] { release(devPtr); });
}

EMU_EXPORT int32_t impl_aclrtFreeHostWithDevSync(void *hostPtr)
{
    int32_t code = impl_aclrtSynchronizeDevice();
    return code ? code : entry("aclrtFreeHostWithDevSync", [&] { release_host(hostPtr, false); });
}

EMU_EXPORT int32_t impl_aclrtHostRegister(void *ptr, uint64_t size, int32_t type, void **devPtr)
{
    (void)type;
    return entry("aclrtHostRegister", [&] {
        Lock lock(state().mutex);
        context();
        uint64_t at = reinterpret_cast<uint64_t>(ptr);
        if (!ptr || !size || !devPtr || in_device_space(at))
            fail(PARAM_INVALID, "a host range that is not empty is needed");
        auto known = block_at(at);
        if (known && known->live)
            fail(PARAM_INVALID, "the range is registered or pinned already");
        pin(at, size, size, true);
        *devPtr = ptr; // an address of the host only: the emulator's operators take device memory
    });
}

EMU_EXPORT int32_t impl_aclrtHostUnregister(void *ptr)
{
    return entry("aclrtHostUnregister", [&] { release_host(ptr, true); });
}

EMU_EXPORT int32_t impl_aclrtPointerGetAttributes(const void *ptr, void *attributes)
{
    return entry("aclrtPointerGetAttributes", [&] {
        Lock lock(state().mutex);
        if (state().settings.product == Product::P310)
            fail(PARAM_INVALID, "310P does not have this");
        if (!ptr || !attributes)
            fail(PARAM_INVALID, "an argument is null");
        auto block = block_at(reinterpret_cast<uint64_t>(ptr));
        uint32_t out[7] = {0, block && block->live ? (block->space == Space::DEVICE ? 1u : 0u) : 2u, 4096, 0, 0, 0, 0};
        out[0] = block ? static_cast<uint32_t>(block->device) : 0;
        std::memcpy(attributes, out, sizeof out);
    });
}

EMU_EXPORT int32_t impl_aclrtMemGetAddressRange(void *ptr, void **pbase, size_t *psize)
{
    return entry("aclrtMemGetAddressRange", [&] {
        Lock lock(state().mutex);
        auto block = need_device(ptr, 1, PARAM_INVALID, "ptr");
        if (pbase)
            *pbase = reinterpret_cast<void *>(block->start);
        if (psize)
            *psize = block->size;
    });
}

EMU_EXPORT int32_t impl_aclrtGetMemInfo(int32_t attr, size_t *free, size_t *total)
{
    return entry("aclrtGetMemInfo", [&] {
        Lock lock(state().mutex);
        auto of = context();
        if (!free || !total || attr < 0 || attr > 17)
            fail(PARAM_INVALID, "an argument is null, or attr is unknown");
        *total = state().settings.memory;
        *free = state().settings.memory - std::min(state().settings.memory, state().devices[of->device].used);
    });
}
