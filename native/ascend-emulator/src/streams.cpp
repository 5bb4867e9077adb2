// Streams: a worker thread and a queue each. What orders two tasks is written in vector clocks when they are enqueued, so
// a missing event is found whatever the workers happened to do.
#include "core.h"

#include <chrono>

namespace emu {

void Clock::set(uint32_t component, uint64_t time)
{
    if (component >= at.size())
        at.resize(component + 1);
    at[component] = std::max(at[component], time);
}

void Clock::join(const Clock &other)
{
    if (other.at.size() > at.size())
        at.resize(other.at.size());
    for (size_t i = 0; i < other.at.size(); i++)
        at[i] = std::max(at[i], other.at[i]);
}

double now_ms()
{
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void check_fault(int device)
{
    Device &d = state().devices[device];
    if (d.fault)
        fail(d.fault, "an earlier task failed on the device: " + d.fault_text);
}

void host_access(const Range &range, const std::string &by)
{
    Clock &host = state().host;
    host.set(0, host.of(0) + 1);
    record_access(range, 0, host.of(0), host, by);
}

/* What a task refers to is counted while it waits, so that freeing it is noticed. */
static void hold(Task &task, int Block::*counter, int by)
{
    for (auto &block : task.blocks)
        (*block).*counter += by;
}

/* Runs a task whose turn it is. A task on a faulty device does nothing but pass. */
static void execute(Lock &lock, Task &task, uint32_t component, uint64_t time, const Clock &seen)
{
    Device &device = state().devices[task.device];
    if (!task.body || device.fault)
        return;
    try {
        for (auto &block : task.blocks)
            if (!block->live) {
                violation(4, UNDEFINED, task.name + " runs after its memory was freed");
                throw Fault{AICORE_EXCEPTION, task.name + ": memory was freed"};
            }
        for (auto &range : task.ranges)
            record_access(range, component, time, seen, task.name);
        task.component = component;
        task.time = time;
        task.seen = seen;
        lock.unlock();
        task.body(task);
        lock.lock();
    } catch (const Fault &fault) {
        if (!lock.owns_lock())
            lock.lock();
        if (!device.fault) {
            device.fault = fault.code;
            device.fault_text = fault.text;
        }
    }
}

/* A replay: the nodes in the order of their capture, each with the clock of its captured stream. */
static void replay(Lock &lock, Task &launch, Graph &graph, uint64_t base)
{
    for (Node &node : graph.nodes) {
        Task &task = *node.task;
        while (task.ready && !task.ready() && !state().devices[launch.device].fault)
            state().changed.wait_for(lock, std::chrono::milliseconds(50));
        Clock seen = launch.seen;
        for (uint32_t i = 0; i < graph.components.size(); i++)
            if (uint64_t local = task.seen.of(graph.components[i]))
                seen.set(graph.components[i], base + local);
        Task turn = task; // an update may replace the task's call while it runs
        execute(lock, turn, graph.components[node.stream], base + node.time, seen);
        if (task.passed)
            task.passed();
    }
    graph.running--;
}

static void work(std::shared_ptr<Stream> stream)
{
    State &s = state();
    Lock lock(s.mutex);
    for (;;) {
        auto can_run = [&] {
            if (stream->queue.empty())
                return stream->dead;
            Task &front = *stream->queue.front();
            if (stream->dropping || s.devices[front.device].fault)
                return true;
            return (!s.settings.lazy || s.waiters > 0) && (!front.ready || front.ready());
        };
        s.changed.wait(lock, can_run);
        if (stream->queue.empty())
            return;
        auto task = stream->queue.front();
        if (s.settings.delay_us && !stream->dropping) {
            auto delay = std::chrono::microseconds(stream->random() % (s.settings.delay_us + 1));
            lock.unlock();
            std::this_thread::sleep_for(delay);
            lock.lock();
        }
        uint64_t time = task->time;
        if (!stream->dropping) {
            if (task->whole_graph)
                task->body(*task); // with the lock: replay() manages it
            else
                execute(lock, *task, task->component, time, task->seen);
        }
        if (!lock.owns_lock())
            lock.lock();
        hold(*task, &Block::queued, -1);
        if (task->passed)
            task->passed();
        count("tasks");
        stream->queue.pop_front();
        stream->done = time;
        s.changed.notify_all();
    }
}

std::shared_ptr<Stream> make_stream(const std::shared_ptr<Context> &of)
{
    State &s = state();
    auto stream = std::make_shared<Stream>();
    stream->context = of;
    stream->id = s.stream_ids++;
    stream->component = s.components++;
    stream->random.seed(s.settings.seed * 1000003 + stream->id);
    stream->worker = std::thread(work, stream);
    s.streams.push_back(stream);
    return stream;
}

void close_stream(Lock &lock, const std::shared_ptr<Stream> &stream, bool drop)
{
    State &s = state();
    stream->dropping = drop;
    s.waiters++;
    s.changed.notify_all();
    s.changed.wait(lock, [&] { return stream->queue.empty(); });
    s.waiters--;
    stream->dead = true;
    s.changed.notify_all();
    s.host.join(stream->seen);
    lock.unlock();
    stream->worker.join();
    lock.lock();
    s.streams.erase(std::remove(s.streams.begin(), s.streams.end(), stream), s.streams.end());
}

std::shared_ptr<Stream> stream_for_work(void *handle)
{
    auto current = context();
    if (!handle)
        return current->default_stream;
    auto stream = as<Stream>(handle, Kind::STREAM);
    if (stream->context != current) {
        violation(8, CODED, format("stream %d belongs to another context", stream->id));
        fail(STREAM_CONTEXT, "the stream belongs to another context");
    }
    return stream;
}

const size_t QUEUE_LIMIT = 4096;

static void append_node(const std::shared_ptr<Stream> &stream, std::shared_ptr<Task> task)
{
    Capture &capture = *stream->capture;
    if (capture.invalid)
        fail(STREAM_CAPTURE_INVALIDATED, "the capture became invalid by an earlier call");
    uint32_t index = static_cast<uint32_t>(
        std::find(capture.streams.begin(), capture.streams.end(), stream) - capture.streams.begin());
    uint64_t time = ++capture.times[index];
    capture.seen[index].set(capture.components[index], time);
    task->seen = capture.seen[index];
    hold(*task, &Block::captured, 1);
    if (capture.group)
        capture.group->tasks.push_back(task);
    capture.nodes.push_back({task, index, time});
}

void enqueue(Lock &lock, const std::shared_ptr<Stream> &stream, std::shared_ptr<Task> task)
{
    State &s = state();
    task->device = stream->context->device;
    for (auto &range : task->ranges) {
        auto block = block_at(range.address);
        if (block && std::find(task->blocks.begin(), task->blocks.end(), block) == task->blocks.end())
            task->blocks.push_back(block);
    }
    if (stream->capture) {
        append_node(stream, task);
        return;
    }
    if (stream->queue.size() >= QUEUE_LIMIT) { // the launching thread blocks
        s.waiters++;
        s.changed.notify_all();
        s.changed.wait(lock, [&] { return stream->queue.size() < QUEUE_LIMIT; });
        s.waiters--;
    }
    task->component = stream->component;
    task->time = ++stream->time;
    stream->seen.join(s.host);
    stream->seen.set(stream->component, task->time);
    task->seen = stream->seen;
    hold(*task, &Block::queued, 1);
    stream->queue.push_back(task);
    s.changed.notify_all();
}

bool drain(Lock &lock, const std::shared_ptr<Stream> &stream, int64_t timeout_ms)
{
    State &s = state();
    uint64_t target = stream->time;
    Clock seen = stream->seen;
    auto done = [&] { return stream->done >= target; };
    s.waiters++;
    s.changed.notify_all();
    bool in_time = true;
    if (timeout_ms < 0)
        s.changed.wait(lock, done);
    else
        in_time = s.changed.wait_for(lock, std::chrono::milliseconds(timeout_ms), done);
    s.waiters--;
    if (in_time)
        s.host.join(seen);
    return in_time;
}

/* Puts a graph into a stream. */
static void enqueue_graph(Lock &lock, const std::shared_ptr<Graph> &graph, const std::shared_ptr<Stream> &stream)
{
    auto task = std::make_shared<Task>();
    task->name = "graph";
    task->whole_graph = true;
    uint64_t base = graph->replays++ * graph->span;
    for (auto &node : graph->nodes)
        for (auto &block : node.task->blocks) {
            if (!block->live) {
                violation(17, UNDEFINED, format("a graph is replayed after memory of %s in it was freed", node.task->name.c_str()));
                fail(PARAM_INVALID, "memory that the graph refers to was freed");
            }
            if (std::find(task->blocks.begin(), task->blocks.end(), block) == task->blocks.end())
                task->blocks.push_back(block);
        }
    graph->running++;
    task->body = [graph, base](Task &launch) {
        Lock own(state().mutex, std::adopt_lock); // the worker's lock, given back below
        replay(own, launch, *graph, base);
        own.release();
    };
    enqueue(lock, stream, task);
    for (uint32_t component : graph->components)
        stream->seen.set(component, base + graph->span);
    count("graph.replays");
}

} // namespace emu

using namespace emu;

static int32_t create_stream(const char *function, void **out)
{
    return entry(function, [&] {
        Lock lock(state().mutex);
        auto of = context();
        if (!out)
            fail(PARAM_INVALID, "stream is null");
        check_fault(of->device);
        if (state().streams.size() >= 1984)
            fail(NO_STREAM_RESOURCE, "1984 streams exist");
        *out = give_handle(Kind::STREAM, make_stream(of));
    });
}

EMU_EXPORT int32_t impl_aclrtCreateStream(void **stream)
{
    return create_stream("aclrtCreateStream", stream);
}

EMU_EXPORT int32_t impl_aclrtCreateStreamWithConfig(void **stream, uint32_t priority, uint32_t flag)
{
    (void)flag;
    if (priority > 7)
        return entry("aclrtCreateStreamWithConfig", [] { fail(PARAM_INVALID, "priority is 0 to 7"); });
    return create_stream("aclrtCreateStreamWithConfig", stream);
}

static int32_t destroy_stream(const char *function, void *handle, bool drop)
{
    return entry(function, [&] {
        Lock lock(state().mutex);
        auto current = context();
        auto stream = as<Stream>(handle, Kind::STREAM);
        if (stream->context != current) {
            violation(8, CODED, "the stream belongs to another context");
            fail(STREAM_CONTEXT, "the stream belongs to another context");
        }
        if (stream == current->default_stream)
            fail(PARAM_INVALID, "the default stream belongs to its context");
        if (stream->capture) {
            violation(17, CODED, "a stream is destroyed while it captures");
            fail(STREAM_CAPTURED, "the stream captures");
        }
        take_handle(handle);
        close_stream(lock, stream, drop);
    });
}

EMU_EXPORT int32_t impl_aclrtDestroyStream(void *stream)
{
    return destroy_stream("aclrtDestroyStream", stream, false);
}

EMU_EXPORT int32_t impl_aclrtDestroyStreamForce(void *stream)
{
    return destroy_stream("aclrtDestroyStreamForce", stream, true);
}

static void check_timeout(int32_t timeout)
{
    if (timeout == 0 || timeout < -1) {
        violation(10, CODED, format("a timeout of %d: -1 waits forever, else it is above 0", timeout));
        fail(PARAM_INVALID, "the timeout is 0 or below -1");
    }
}

static std::shared_ptr<Stream> stream_to_wait_for(void *handle)
{
    auto current = context();
    auto stream = handle ? as<Stream>(handle, Kind::STREAM) : current->default_stream;
    if (stream->capture) {
        violation(17, CODED, "a stream that captures is waited for or asked");
        stream->capture->invalid = true;
        fail(STREAM_CAPTURED, "the stream captures");
    }
    return stream;
}

static int32_t synchronize(const char *function, void *handle, int64_t timeout_ms)
{
    return entry(function, [&] {
        Lock lock(state().mutex);
        auto stream = stream_to_wait_for(handle);
        count("syncs");
        if (!drain(lock, stream, timeout_ms))
            fail(STREAM_SYNC_TIMEOUT, format("stream %d had not finished after %lld ms", stream->id, (long long)timeout_ms));
        check_fault(stream->context->device);
    });
}

EMU_EXPORT int32_t impl_aclrtSynchronizeStream(void *stream)
{
    return synchronize("aclrtSynchronizeStream", stream, -1);
}

EMU_EXPORT int32_t impl_aclrtSynchronizeStreamWithTimeout(void *stream, int32_t timeout)
{
    int32_t code = entry("aclrtSynchronizeStreamWithTimeout", [&] { check_timeout(timeout); });
    return code ? code : synchronize("aclrtSynchronizeStreamWithTimeout", stream, timeout);
}

static int32_t synchronize_device(const char *function, int64_t timeout_ms)
{
    return entry(function, [&] {
        Lock lock(state().mutex);
        auto current = context();
        for (auto &capture : state().captures)
            if (capture->origin->context->device == current->device) {
                violation(17, CODED, "the device is synchronised while a stream captures");
                capture->invalid = true;
                fail(CAPTURE_MODE_NOT_SUPPORT, "a stream of the device captures");
            }
        count("syncs");
        for (auto &stream : std::vector<std::shared_ptr<Stream>>(state().streams))
            if (stream->context->device == current->device && !drain(lock, stream, timeout_ms))
                fail(STREAM_SYNC_TIMEOUT, "the device had not finished in time");
        check_fault(current->device);
    });
}

EMU_EXPORT int32_t impl_aclrtSynchronizeDevice(void)
{
    return synchronize_device("aclrtSynchronizeDevice", -1);
}

EMU_EXPORT int32_t impl_aclrtSynchronizeDeviceWithTimeout(int32_t timeout)
{
    int32_t code = entry("aclrtSynchronizeDeviceWithTimeout", [&] { check_timeout(timeout); });
    return code ? code : synchronize_device("aclrtSynchronizeDeviceWithTimeout", timeout);
}

EMU_EXPORT int32_t impl_aclrtStreamQuery(void *handle, int32_t *status)
{
    return entry("aclrtStreamQuery", [&] {
        Lock lock(state().mutex);
        if (!status)
            fail(PARAM_INVALID, "status is null");
        auto stream = stream_to_wait_for(handle);
        if (state().settings.lazy && !stream->queue.empty())
            drain(lock, stream, 2); // a host that polls makes progress
        check_fault(stream->context->device);
        *status = stream->queue.empty() ? 0 : 1;
        if (stream->queue.empty())
            state().host.join(stream->seen);
    });
}

EMU_EXPORT int32_t impl_aclrtStreamAbort(void *handle)
{
    return entry("aclrtStreamAbort", [&] {
        Lock lock(state().mutex);
        auto stream = stream_for_work(handle);
        stream->dropping = true;
        state().waiters++;
        state().changed.notify_all();
        state().changed.wait(lock, [&] { return stream->queue.empty(); });
        state().waiters--;
        stream->dropping = false;
    });
}

EMU_EXPORT int32_t impl_aclrtStreamGetId(void *handle, int32_t *streamId)
{
    return entry("aclrtStreamGetId", [&] {
        Lock lock(state().mutex);
        if (!streamId)
            fail(PARAM_INVALID, "streamId is null");
        *streamId = (handle ? as<Stream>(handle, Kind::STREAM) : context()->default_stream)->id;
    });
}

EMU_EXPORT int32_t impl_aclrtGetStreamAvailableNum(uint32_t *streamCount)
{
    return entry("aclrtGetStreamAvailableNum", [&] {
        Lock lock(state().mutex);
        context();
        if (!streamCount)
            fail(PARAM_INVALID, "streamCount is null");
        *streamCount = static_cast<uint32_t>(1984 - std::min<size_t>(1984, state().streams.size()));
    });
}

EMU_EXPORT int32_t impl_aclrtSetStreamFailureMode(void *handle, uint64_t mode)
{
    return entry("aclrtSetStreamFailureMode", [&] {
        Lock lock(state().mutex);
        stream_for_work(handle);
        if (mode > 1)
            fail(PARAM_INVALID, "mode is 0 or 1");
    });
}

EMU_EXPORT int32_t impl_aclmdlRIExecuteAsync(void *modelRI, void *handle)
{
    return entry("aclmdlRIExecuteAsync", [&] {
        Lock lock(state().mutex);
        auto graph = as<Graph>(modelRI, Kind::GRAPH);
        auto stream = stream_for_work(handle);
        check_fault(stream->context->device);
        if (stream->capture)
            fail(CAPTURE_MODE_NOT_SUPPORT, "a graph within a capture is not emulated");
        if (strikes(state().settings.launch_in))
            fail(AICORE_EXCEPTION, "injected: this launch fails");
        enqueue_graph(lock, graph, stream);
    });
}

EMU_EXPORT int32_t impl_aclmdlRIExecute(void *modelRI, int32_t timeout)
{
    return entry("aclmdlRIExecute", [&] {
        check_timeout(timeout);
        Lock lock(state().mutex);
        auto graph = as<Graph>(modelRI, Kind::GRAPH);
        auto stream = context()->default_stream;
        check_fault(stream->context->device);
        enqueue_graph(lock, graph, stream);
        if (!drain(lock, stream, timeout))
            fail(STREAM_SYNC_TIMEOUT, "the graph had not finished in time");
        check_fault(stream->context->device);
    });
}
