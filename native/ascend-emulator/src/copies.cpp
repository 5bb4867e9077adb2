// Copies and fills, synchronous and in a stream.
#include "core.h"

using namespace emu;

namespace {

enum Direction { H2H, H2D, D2H, D2D, DEFAULT };

struct Copy {
    uint64_t to, from, width, height, to_pitch, from_pitch;
    bool to_device, from_device;
};

uint64_t extent(uint64_t width, uint64_t height, uint64_t pitch)
{
    return height ? (height - 1) * pitch + width : 0;
}

/* Both ends against the direction that the caller named. */
Copy check(void *dst, uint64_t room, const void *src, uint64_t count, int32_t kind)
{
    if (!dst || !src)
        fail(PARAM_INVALID, "an address is null");
    if (count > room) {
        violation(7, CODED, format("count %llu exceeds destMax %llu", (unsigned long long)count, (unsigned long long)room));
        fail(PARAM_INVALID, "count exceeds destMax");
    }
    if (kind < 0 || kind > 7)
        fail(PARAM_INVALID, "the kind is unknown");
    Copy copy = {reinterpret_cast<uint64_t>(dst), reinterpret_cast<uint64_t>(src), count, 1, 0, 0, false, false};
    copy.to_device = in_device_space(copy.to);
    copy.from_device = in_device_space(copy.from);
    if (kind != DEFAULT) {
        int direction = kind == 5 ? H2D : kind >= 6 ? D2D : kind;
        bool to = direction == H2D || direction == D2D, from = direction == D2H || direction == D2D;
        if (to != copy.to_device || from != copy.from_device) {
            std::string text = format("kind %d, but the destination %p is on the %s and the source %p on the %s", kind, dst,
                copy.to_device ? "device" : "host", src, copy.from_device ? "device" : "host");
            violation(2, UNDEFINED, text);
            fail(PARAM_INVALID, text);
        }
    }
    return copy;
}

void check_blocks(const Copy &copy)
{
    if (copy.to_device)
        need_device(reinterpret_cast<void *>(copy.to), extent(copy.width, copy.height, copy.to_pitch), PARAM_INVALID, "destination");
    if (copy.from_device)
        need_device(reinterpret_cast<void *>(copy.from), extent(copy.width, copy.height, copy.from_pitch), PARAM_INVALID, "source");
}

void move(const Copy &copy)
{
    for (uint64_t row = 0; row < copy.height; row++)
        std::memmove(backing(copy.to) + row * copy.to_pitch, backing(copy.from) + row * copy.from_pitch, copy.width);
}

std::vector<Range> ranges(const Copy &copy)
{
    std::vector<Range> all;
    if (copy.height > 4096) {
        all.push_back({copy.from, extent(copy.width, copy.height, copy.from_pitch), false});
        all.push_back({copy.to, extent(copy.width, copy.height, copy.to_pitch), true});
        return all;
    }
    for (uint64_t row = 0; row < copy.height; row++) {
        all.push_back({copy.from + row * copy.from_pitch, copy.width, false});
        all.push_back({copy.to + row * copy.to_pitch, copy.width, true});
    }
    return all;
}

void now(const Copy &copy, const char *name)
{
    for (auto &range : ranges(copy))
        host_access(range, name);
    move(copy);
    count("copies.sync");
}

bool pinned(uint64_t address, uint64_t size)
{
    auto block = block_at(address);
    if (!block || block->space != Space::PINNED)
        return false;
    if (!block->live) {
        violation(6, UNDEFINED, format("%p is in pinned memory that was freed", reinterpret_cast<void *>(address)));
        fail(PARAM_INVALID, "the pinned memory was freed");
    }
    if (address + size > block->start + block->size) {
        violation(13, UNDEFINED, "a copy goes beyond its pinned block");
        fail(PARAM_INVALID, "the copy goes beyond the pinned block");
    }
    return true;
}

/* Until the copy is done its destination on the host holds poison, unless queued work still needs what is there. */
void poison_destination(const Copy &copy)
{
    if (!state().settings.poison || copy.to_device)
        return;
    uint64_t end = copy.to + extent(copy.width, copy.height, copy.to_pitch);
    for (auto &stream : state().streams)
        for (auto &task : stream->queue)
            for (auto &range : task->ranges)
                if (range.address < end && range.address + range.size > copy.to)
                    return;
    for (uint64_t row = 0; row < copy.height; row++)
        fill_poison(reinterpret_cast<uint8_t *>(copy.to) + row * copy.to_pitch, copy.width);
}

void later(Lock &lock, const Copy &copy, const std::shared_ptr<Stream> &stream)
{
    uint64_t to_size = extent(copy.width, copy.height, copy.to_pitch), from_size = extent(copy.width, copy.height, copy.from_pitch);
    bool pageable = (!copy.to_device && !pinned(copy.to, to_size)) || (!copy.from_device && !pinned(copy.from, from_size));
    if (pageable && stream->capture && stream->capture->mode != 2) {
        violation(17, CODED, "a copy from or to pageable memory while capturing");
        stream->capture->invalid = true;
        fail(CAPTURE_ASYNC_TURNED_SYNC, "pageable memory makes the copy synchronous, which this capture mode refuses");
    }
    auto task = std::make_shared<Task>();
    task->name = "copy";
    task->ranges = ranges(copy);
    task->body = [copy](Task &) { move(copy); };
    if (!pageable && !stream->capture)
        poison_destination(copy);
    if (strikes(state().settings.kernel_in))
        task->body = [](Task &) { throw Fault{AICORE_EXCEPTION, "injected: this task fails"}; };
    enqueue(lock, stream, task);
    count("copies.async");
    if (pageable) {
        count("copies.pageable");
        if (!stream->capture) {
            drain(lock, stream, -1);
            check_fault(stream->context->device);
        }
    }
}

void start(const std::shared_ptr<Stream> &stream)
{
    check_fault(stream->context->device);
    if (strikes(state().settings.launch_in))
        fail(AICORE_EXCEPTION, "injected: this launch fails");
}

Copy check_2d(void *dst, size_t dpitch, const void *src, size_t spitch, size_t width, size_t height, int32_t kind)
{
    if (width > dpitch || width > spitch || !height)
        fail(PARAM_INVALID, "width exceeds a pitch, or height is 0");
    Copy copy = check(dst, width, src, width, kind);
    copy.height = height;
    copy.to_pitch = dpitch;
    copy.from_pitch = spitch;
    return copy;
}

} // namespace

EMU_EXPORT int32_t impl_aclrtMemcpy(void *dst, size_t destMax, const void *src, size_t count, int32_t kind)
{
    return entry("aclrtMemcpy", [&] {
        Lock lock(state().mutex);
        auto of = context();
        if (!count)
            return;
        check_fault(of->device);
        Copy copy = check(dst, destMax, src, count, kind);
        refuse_in_capture(CAPTURE_MODE_NOT_SUPPORT);
        check_blocks(copy);
        now(copy, "aclrtMemcpy");
    });
}

EMU_EXPORT int32_t impl_aclrtMemcpyAsync(void *dst, size_t destMax, const void *src, size_t count, int32_t kind, void *handle)
{
    return entry("aclrtMemcpyAsync", [&] {
        Lock lock(state().mutex);
        auto stream = stream_for_work(handle);
        if (!count)
            return;
        start(stream);
        Copy copy = check(dst, destMax, src, count, kind);
        if (!copy.to_device && !copy.from_device) {
            violation(6, CODED, "an asynchronous copy from host to host");
            fail(FEATURE_NOT_SUPPORT, "asynchronous copies from host to host are not supported");
        }
        check_blocks(copy);
        later(lock, copy, stream);
    });
}

EMU_EXPORT int32_t impl_aclrtMemcpy2d(void *dst, size_t dpitch, const void *src, size_t spitch, size_t width, size_t height, int32_t kind)
{
    return entry("aclrtMemcpy2d", [&] {
        Lock lock(state().mutex);
        auto of = context();
        check_fault(of->device);
        Copy copy = check_2d(dst, dpitch, src, spitch, width, height, kind);
        refuse_in_capture(CAPTURE_MODE_NOT_SUPPORT);
        check_blocks(copy);
        now(copy, "aclrtMemcpy2d");
    });
}

EMU_EXPORT int32_t impl_aclrtMemcpy2dAsync(
    void *dst, size_t dpitch, const void *src, size_t spitch, size_t width, size_t height, int32_t kind, void *handle)
{
    return entry("aclrtMemcpy2dAsync", [&] {
        Lock lock(state().mutex);
        auto stream = stream_for_work(handle);
        start(stream);
        Copy copy = check_2d(dst, dpitch, src, spitch, width, height, kind);
        check_blocks(copy);
        later(lock, copy, stream);
    });
}

static void check_fill(void *to, uint64_t room, uint64_t count)
{
    if (!to)
        fail(PARAM_INVALID, "the address is null");
    if (count > room) {
        violation(7, CODED, "count exceeds maxCount");
        fail(PARAM_INVALID, "count exceeds maxCount");
    }
    need_device(to, count, PARAM_INVALID, "destination");
}

EMU_EXPORT int32_t impl_aclrtMemset(void *devPtr, size_t maxCount, int32_t value, size_t count)
{
    return entry("aclrtMemset", [&] {
        Lock lock(state().mutex);
        auto of = context();
        check_fault(of->device);
        if (!count)
            return;
        check_fill(devPtr, maxCount, count);
        refuse_in_capture(CAPTURE_MODE_NOT_SUPPORT);
        uint64_t at = reinterpret_cast<uint64_t>(devPtr);
        host_access({at, count, true}, "aclrtMemset");
        std::memset(backing(at), value, count);
    });
}

EMU_EXPORT int32_t impl_aclrtMemsetAsync(void *devPtr, size_t maxCount, int32_t value, size_t count, void *handle)
{
    return entry("aclrtMemsetAsync", [&] {
        Lock lock(state().mutex);
        auto stream = stream_for_work(handle);
        if (!count)
            return;
        start(stream);
        check_fill(devPtr, maxCount, count);
        uint64_t at = reinterpret_cast<uint64_t>(devPtr);
        auto task = std::make_shared<Task>();
        task->name = "fill";
        task->ranges = {{at, count, true}};
        task->body = [at, count, value](Task &) { std::memset(backing(at), value, count); };
        enqueue(lock, stream, task);
    });
}

EMU_EXPORT int32_t impl_aclrtMemsetD32Async(void *ptr, size_t memSize, uint32_t value, size_t N, void *handle)
{
    return entry("aclrtMemsetD32Async", [&] {
        Lock lock(state().mutex);
        auto stream = stream_for_work(handle);
        start(stream);
        check_fill(ptr, memSize, N * 4);
        uint64_t at = reinterpret_cast<uint64_t>(ptr);
        auto task = std::make_shared<Task>();
        task->name = "fill";
        task->ranges = {{at, N * 4, true}};
        task->body = [at, N, value](Task &) {
            auto *words = reinterpret_cast<uint32_t *>(backing(at));
            std::fill(words, words + N, value);
        };
        enqueue(lock, stream, task);
    });
}
