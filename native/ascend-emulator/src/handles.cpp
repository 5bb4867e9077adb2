// Handles: numbers that look like addresses of no memory, never given out twice, so that a stale one is always known.
#include "core.h"

namespace emu {

namespace {
const uint64_t FIRST = 0x00006e0000000000, STEP = 64;
struct Slot {
    Kind kind;
    bool live;
    std::shared_ptr<Object> object;
};
struct Table {
    std::mutex mutex;
    std::deque<Slot> slots;
};
Table &table()
{
    static Table *one = new Table;
    return *one;
}

const char *name_of(Kind kind)
{
    static const char *const names[] = {"context", "stream", "event", "graph", "group", "config", "tensor", "scalar", "array",
        "list", "list", "executor"};
    return names[static_cast<int>(kind)];
}

Slot *slot_of(const void *handle)
{
    uint64_t at = reinterpret_cast<uint64_t>(handle);
    if (at < FIRST || (at - FIRST) % STEP || (at - FIRST) / STEP >= table().slots.size())
        return nullptr;
    return &table().slots[(at - FIRST) / STEP];
}
} // namespace

void *give_handle(Kind kind, std::shared_ptr<Object> object)
{
    std::lock_guard<std::mutex> guard(table().mutex);
    void *handle = reinterpret_cast<void *>(FIRST + table().slots.size() * STEP);
    object->handle = handle;
    table().slots.push_back({kind, true, std::move(object)});
    count(std::string("live.") + name_of(kind));
    return handle;
}

std::shared_ptr<Object> object_of(const void *handle, Kind kind, int32_t code)
{
    std::lock_guard<std::mutex> guard(table().mutex);
    Slot *slot = slot_of(handle);
    if (slot && slot->live && slot->kind == kind)
        return slot->object;
    const char *what = !handle ? "is null" : !slot ? "was never given out"
        : slot->kind != kind ? "is of another kind" : "was destroyed";
    std::string text = format("%s handle %p %s", name_of(kind), handle, what);
    if (slot && slot->kind != kind)
        text += std::string(": ") + name_of(slot->kind);
    violation(1, handle && !profile_8_1() ? CODED : UNDEFINED, text);
    fail(code, text);
}

std::shared_ptr<Object> peek(const void *handle, Kind kind)
{
    std::lock_guard<std::mutex> guard(table().mutex);
    Slot *slot = slot_of(handle);
    return slot && slot->live && slot->kind == kind ? slot->object : nullptr;
}

void take_handle(const void *handle)
{
    std::lock_guard<std::mutex> guard(table().mutex);
    Slot *slot = slot_of(handle);
    if (!slot || !slot->live)
        return;
    slot->live = false;
    slot->object.reset();
    count(std::string("live.") + name_of(slot->kind), -1);
}

} // namespace emu
