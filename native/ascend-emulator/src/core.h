// What every file of the emulator shares: codes, settings, violations, handles, memory, streams.
//
// One mutex (state().mutex) guards all state; operators compute outside it. A function that throws Status is called
// within entry(), which turns the exception into the return code and the thread's error text.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#define EMU_EXPORT extern "C" __attribute__((visibility("default")))
#include "declarations.h" // generated from abi/functions.txt: the prototypes that the definitions must agree with

namespace emu {

enum Code : int32_t {
    OK = 0,
    INVALID_PARAM = 100000, UNINITIALIZE = 100001, REPEAT_INITIALIZE = 100002, REPEAT_FINALIZE = 100037,
    PARAM_INVALID = 107000, INVALID_DEVICEID = 107001, CONTEXT_NULL = 107002, STREAM_CONTEXT = 107003,
    EVENT_TIMESTAMP_INVALID = 107006, ADDR_UNALIGNED = 107008, STREAM_NO_CB_REG = 107015, INVALID_HANDLE = 107017,
    CAPTURE_DEPENDENCY = 107024, STREAM_UNJOINED = 107025, STREAM_CAPTURED = 107027, EVENT_CAPTURED = 107028,
    STREAM_NOT_CAPTURED = 107029, CAPTURE_MODE_NOT_SUPPORT = 107030, STREAM_CAPTURE_IMPLICIT = 107031,
    CAPTURE_CONFLICT = 107032, TASK_GROUP_STATUS = 107033, TASK_GROUP_INTERRUPTED = 107034,
    STREAM_CAPTURE_UNMATCHED = 107036, MODEL_RUNNING = 107037, STREAM_CAPTURE_WRONG_THREAD = 107038,
    CAPTURE_ASYNC_TURNED_SYNC = 107041,
    FEATURE_NOT_SUPPORT = 207000, MEMORY_ALLOCATION = 207001, NO_EVENT_RESOURCE = 207007, NO_STREAM_RESOURCE = 207008,
    NOT_SUPPORT_UPDATE_OP = 207019,
    LOST_HEARTBEAT = 507010, AICORE_EXCEPTION = 507015, VECTOR_CORE_EXCEPTION = 507035, STREAM_SYNC_TIMEOUT = 507046,
    EVENT_SYNC_TIMEOUT = 507047, STREAM_CAPTURE_INVALIDATED = 507903,
    NN_PARAM_NULLPTR = 161001, NN_PARAM_INVALID = 161002, NN_RUNTIME_ERROR = 361001, NN_INNER = 561000,
    NN_INNER_TILING = 561002, NN_INNER_FIND_KERNEL = 561003,
};

/* A call that fails: the code it returns and the text that aclGetRecentErrMsg gives. */
struct Status {
    int32_t code;
    std::string text;
};
[[noreturn]] void fail(int32_t code, const std::string &text);
std::string format(const char *text, ...) __attribute__((format(printf, 1, 2)));

/* A fault of a task on the device: it reaches the host with a later call. */
struct Fault {
    int32_t code;
    std::string text;
};

// ---- settings.cpp
enum class Product { A2, A3, P310, A950 };
struct Settings {
    std::string soc = "Ascend910B3";
    Product product = Product::A2;
    bool strict = false, lazy = false, poison = true, noise = true, op_cache = true, lost = false;
    int devices = 1;
    uint64_t memory = 16ull << 30, seed = 1, delay_us = 0, workspace_extra = 512;
    int64_t malloc_in = 0, malloc_host_in = 0, launch_in = 0, kernel_in = 0, phase1_in = 0; // 1: the next one
    std::set<std::string> missing;
};
bool profile_8_1();
/* Counts an injected fault down; true for the call that shall fail. */
bool strikes(int64_t &in);

// ---- report.cpp
enum Outcome { CODED, UNDEFINED }; // what a device does about it: a return code, or anything
void violation(int rule, Outcome outcome, const std::string &text);
void count(const std::string &name, int64_t by = 1);
void count_peak(const std::string &name, int64_t value);
const char *current_function();
int thread_number();
void set_error(int32_t code, const std::string &text);

/* Runs a function of the interface: names it for reports, turns Status into a code and an error text. */
int32_t entry(const char *function, const std::function<void()> &body);

// ---- clocks: vector clocks; component 0 is the host, every stream and every captured stream has one of its own
struct Clock {
    std::vector<uint64_t> at;
    uint64_t of(uint32_t component) const { return component < at.size() ? at[component] : 0; }
    void set(uint32_t component, uint64_t time);
    void join(const Clock &other);
};

// ---- handles.cpp
enum class Kind : uint8_t { CONTEXT, STREAM, EVENT, GRAPH, TASK_GROUP, STREAM_CONFIG, TENSOR, SCALAR, ARRAY, TENSOR_LIST, SCALAR_LIST, EXECUTOR };
struct Object {
    virtual ~Object() = default;
    void *handle = nullptr;
};
void *give_handle(Kind kind, std::shared_ptr<Object> object);
/* The object of a live handle; a null, foreign or destroyed one is a violation of rule 1 and the code. */
std::shared_ptr<Object> object_of(const void *handle, Kind kind, int32_t code);
/* The same without a complaint: null if it is not a live handle of this kind. */
std::shared_ptr<Object> peek(const void *handle, Kind kind);
void take_handle(const void *handle);
template <class T> std::shared_ptr<T> as(const void *handle, Kind kind, int32_t code = INVALID_HANDLE)
{
    return std::static_pointer_cast<T>(object_of(handle, kind, code));
}

// ---- memory.cpp
enum class Space { DEVICE, PINNED };
struct Access { // the last accesses to a range of bytes
    uint64_t end;
    uint32_t writer = 0;
    uint64_t written = 0;
    std::string by;
    std::map<uint32_t, uint64_t> readers;
};
struct Block {
    uint64_t start, size, mapped;
    Space space;
    int device;
    bool live = true, registered = false;
    int queued = 0, captured = 0; // tasks in queues, nodes of graphs that refer to it
    std::map<uint64_t, Access> accesses;
};
struct Range {
    uint64_t address, size;
    bool write;
};
/* The memory behind a device address, for workers; host addresses are themselves. */
uint8_t *backing(uint64_t address);
bool in_device_space(uint64_t address);
/* The block that an address is in, live or freed; null for memory of the host that the runtime does not know. */
std::shared_ptr<Block> block_at(uint64_t address);
/* Checks that a range lies within one live device block; throws the code otherwise. */
std::shared_ptr<Block> need_device(const void *address, uint64_t size, int32_t code, const char *what);
/* Records an access by a component at a time and reports what it races with. */
void record_access(const Range &range, uint32_t component, uint64_t time, const Clock &seen, const std::string &by);
void fill_poison(uint8_t *to, uint64_t size);
void forget_memory();

// ---- streams.cpp
struct Stream;
struct Graph;
struct Call;
struct Context : Object {
    int device = 0;
    bool primary = false;
    std::shared_ptr<Stream> default_stream;
    std::map<int, int64_t> options;
};
struct Task {
    std::string name;
    std::vector<Range> ranges;         // what it touches; checked and recorded before it runs
    std::vector<std::shared_ptr<Block>> blocks; // what must live until it ran
    std::function<void(Task &)> body;  // outside the lock
    std::function<bool()> ready;       // under the lock; what it waits for
    std::function<void()> passed;      // under the lock, also after a fault
    std::shared_ptr<Call> call;        // an operator's, which a task update may replace
    Clock seen;
    uint32_t component = 0;
    uint64_t time = 0;
    int device = 0;
    bool whole_graph = false;
};
struct Capture;
struct TaskGroup;
struct Stream : Object {
    std::shared_ptr<Context> context;
    int id = 0;
    uint32_t component = 0;
    uint64_t time = 0, done = 0; // of the last task enqueued, executed
    Clock seen;
    std::deque<std::shared_ptr<Task>> queue;
    bool closing = false, dead = false, dropping = false;
    std::thread worker;
    std::shared_ptr<Capture> capture;
    std::shared_ptr<TaskGroup> updating;
    std::mt19937_64 random;
};
struct Event : Object {
    std::shared_ptr<Context> context;
    uint32_t flags = 0;
    bool ex = false, resettable = false, external_set = false;
    uint64_t records = 0, reached = 0; // record calls so far; the last one that was executed
    double reached_at = 0;
    Clock seen;
    uint32_t recorded_component = 0;
    std::shared_ptr<Capture> capture; // while its last record was captured
};
struct Node {
    std::shared_ptr<Task> task;
    uint32_t stream;  // which of the capture's streams
    uint64_t time;    // in that stream's component
};
struct Capture {
    std::shared_ptr<Stream> origin;
    std::vector<std::shared_ptr<Stream>> streams;
    std::vector<uint32_t> components;
    std::vector<uint64_t> times;
    std::vector<Clock> seen; // of each stream, within the capture
    std::vector<Node> nodes;
    int mode = 0;
    int thread = 0;
    bool invalid = false;
    std::shared_ptr<TaskGroup> group;
    std::shared_ptr<Graph> graph;
};
struct Graph : Object {
    std::shared_ptr<Context> context;
    std::vector<Node> nodes;
    std::vector<uint32_t> components;
    uint64_t span = 0, replays = 0;
    int running = 0;
};
struct TaskGroup : Object {
    std::vector<std::shared_ptr<Task>> tasks;
};

struct Device {
    int references = 0;
    std::shared_ptr<Context> primary;
    int32_t fault = 0;
    std::string fault_text;
    uint64_t used = 0;
};

struct State {
    std::mutex mutex;
    std::condition_variable changed;
    Settings settings;
    bool initialized = false, finalized = false;
    int init_count = 0;
    std::vector<Device> devices = std::vector<Device>(16);
    Clock host;
    uint32_t components = 1;
    int waiters = 0;      // host calls that wait: lets tasks run in lazy mode
    int stream_ids = 0;
    std::vector<std::shared_ptr<Stream>> streams;
    std::vector<std::shared_ptr<Capture>> captures;
    uint64_t epoch = 0;   // of emu_reset: thread-local contexts of an older one are void
};
State &state();
using Lock = std::unique_lock<std::mutex>;

/* The context of this thread; 107002 without one. */
std::shared_ptr<Context> context();
/* The stream of a handle (null: the default one) for new work: it must belong to the current context. */
std::shared_ptr<Stream> stream_for_work(void *handle);
/* Throws the device's sticky fault, if there is one. */
void check_fault(int device);
/* Appends a task to a stream, or to the capture the stream is in. */
void enqueue(Lock &lock, const std::shared_ptr<Stream> &stream, std::shared_ptr<Task> task);
/* Waits until a stream has run everything enqueued so far; false after the timeout (milliseconds, below 0: none). */
bool drain(Lock &lock, const std::shared_ptr<Stream> &stream, int64_t timeout_ms);
/* An access by the host itself, now. */
void host_access(const Range &range, const std::string &by);
/* Refuses what may not happen while something captures (rule 17). */
void refuse_in_capture(int32_t code);
std::shared_ptr<Stream> make_stream(const std::shared_ptr<Context> &of);
void close_stream(Lock &lock, const std::shared_ptr<Stream> &stream, bool drop);
double now_ms();

// ---- phases.cpp
void forget_calls();
void run_operator(Call &call, const Task &task);
std::vector<Range> ranges_of(const Call &call);

} // namespace emu
