// Events. A wait means the record that was called last before it, as its clock says; external events (those that order a
// graph's task with a task update) are switches that a record sets and a reset clears.
#include "core.h"

#include <chrono>

using namespace emu;

namespace {

const uint32_t SYNC = 1, PROGRESS = 2, TIME_LINE = 8, DEVICE_USE_ONLY = 0x10, EXTERNAL = 0x20, IPC = 0x40;

int32_t create(const char *function, void **out, uint32_t flags, bool ex, bool resettable)
{
    return entry(function, [&] {
        Lock lock(state().mutex);
        auto of = context();
        if (!out || flags & ~(SYNC | PROGRESS | TIME_LINE | DEVICE_USE_ONLY | EXTERNAL | IPC))
            fail(PARAM_INVALID, "event is null, or a flag is unknown");
        auto event = std::make_shared<Event>();
        event->context = of;
        event->flags = flags;
        event->ex = ex;
        event->resettable = resettable;
        *out = give_handle(Kind::EVENT, event);
    });
}

std::shared_ptr<Event> event_for_work(void *handle)
{
    auto current = context();
    auto event = as<Event>(handle, Kind::EVENT);
    if (event->context != current) {
        violation(8, CODED, "the event belongs to another context");
        fail(STREAM_CONTEXT, "the event belongs to another context");
    }
    return event;
}

void record(Lock &lock, const std::shared_ptr<Event> &event, const std::shared_ptr<Stream> &stream, bool external)
{
    auto task = std::make_shared<Task>();
    task->name = "event record";
    bool captured = stream->capture && !external && !(event->flags & EXTERNAL);
    if (captured) { // no task: an edge of the graph
        Capture &capture = *stream->capture;
        size_t index = std::find(capture.streams.begin(), capture.streams.end(), stream) - capture.streams.begin();
        event->capture = stream->capture;
        event->seen = capture.seen[index];
        return;
    }
    event->capture = nullptr;
    uint64_t number = ++event->records;
    bool in_graph = static_cast<bool>(stream->capture);
    task->passed = [event, number, in_graph] {
        event->reached = in_graph ? event->records : std::max(event->reached, number);
        event->external_set = true;
        event->reached_at = now_ms();
    };
    enqueue(lock, stream, task);
    if (!in_graph)
        event->seen = stream->seen;
}

void join_capture(const std::shared_ptr<Stream> &stream, const std::shared_ptr<Event> &event)
{
    auto capture = event->capture;
    if (stream->capture && stream->capture != capture) {
        violation(17, CODED, "an event joins two captures");
        capture->invalid = stream->capture->invalid = true;
        fail(CAPTURE_CONFLICT, "the event belongs to another capture");
    }
    if (!stream->capture) {
        if (std::find(capture->streams.begin(), capture->streams.end(), stream) == capture->streams.end()) {
            capture->streams.push_back(stream);
            capture->components.push_back(state().components++);
            capture->times.push_back(0);
            capture->seen.emplace_back();
        }
        stream->capture = capture;
    }
    size_t index = std::find(capture->streams.begin(), capture->streams.end(), stream) - capture->streams.begin();
    capture->seen[index].join(event->seen);
}

void wait(Lock &lock, const std::shared_ptr<Stream> &stream, const std::shared_ptr<Event> &event, bool external)
{
    external |= (event->flags & EXTERNAL) != 0;
    if (event->capture && !external) {
        auto &active = state().captures;
        if (std::find(active.begin(), active.end(), event->capture) == active.end()) {
            violation(17, CODED, "a stream waits for an event whose last record was in a capture that ended");
            fail(EVENT_CAPTURED, "the event's last record was captured: record it again");
        }
        join_capture(stream, event);
        return;
    }
    auto task = std::make_shared<Task>();
    task->name = "event wait";
    if (external) {
        task->ready = [event] { return event->external_set; };
        enqueue(lock, stream, task);
        if (!stream->capture)
            stream->seen.join(event->seen);
        return;
    }
    if (stream->capture) {
        violation(17, CODED, "a stream that captures waits for an event recorded outside");
        stream->capture->invalid = true;
        fail(CAPTURE_DEPENDENCY, "the event was recorded outside of the capture");
    }
    if (!event->records) {
        violation(9, event->ex ? CODED : UNDEFINED, "a stream waits for an event that was never recorded");
        return;
    }
    uint64_t number = event->records;
    task->ready = [event, number] { return event->reached >= number; };
    enqueue(lock, stream, task);
    stream->seen.join(event->seen);
}

void refuse_captured(const Event &event)
{
    if (event.capture) {
        violation(17, CODED, "an event recorded in a capture is waited for or asked by the host");
        event.capture->invalid = true;
        fail(EVENT_CAPTURED, "the event's last record was captured");
    }
}

void let_progress(Lock &lock, const Event &event)
{
    if (!state().settings.lazy || event.reached >= event.records)
        return;
    state().waiters++;
    state().changed.notify_all();
    state().changed.wait_for(lock, std::chrono::milliseconds(2), [&] { return event.reached >= event.records; });
    state().waiters--;
}

int32_t wait_on_host(const char *function, void *handle, int64_t timeout_ms)
{
    return entry(function, [&] {
        Lock lock(state().mutex);
        context();
        auto event = as<Event>(handle, Kind::EVENT);
        refuse_captured(*event);
        count("syncs");
        if (!event->records) {
            if (event->ex)
                return;
            violation(9, UNDEFINED, "the host waits for an event that was never recorded");
            return;
        }
        uint64_t number = event->records;
        Clock seen = event->seen;
        auto done = [&] { return event->reached >= number; };
        State &s = state();
        s.waiters++;
        s.changed.notify_all();
        bool in_time = true;
        if (timeout_ms < 0)
            s.changed.wait(lock, done);
        else
            in_time = s.changed.wait_for(lock, std::chrono::milliseconds(timeout_ms), done);
        s.waiters--;
        if (!in_time)
            fail(EVENT_SYNC_TIMEOUT, "the event had not happened in time");
        s.host.join(seen);
        check_fault(event->context->device);
    });
}

int32_t query(const char *function, void *handle, int32_t *status, int32_t complete, int32_t not_ready, bool recorded_status)
{
    return entry(function, [&] {
        Lock lock(state().mutex);
        context();
        auto event = as<Event>(handle, Kind::EVENT);
        if (!status)
            fail(PARAM_INVALID, "status is null");
        if (event->ex && !recorded_status) {
            violation(9, CODED, "an event of CreateEventEx is asked with QueryEventStatus only");
            fail(FEATURE_NOT_SUPPORT, "the event was created by aclrtCreateEventExWithFlag");
        }
        refuse_captured(*event);
        let_progress(lock, *event);
        check_fault(event->context->device);
        bool done = event->reached >= event->records && (event->records || event->ex);
        *status = done ? complete : not_ready;
        if (done && event->records)
            state().host.join(event->seen);
    });
}

} // namespace

EMU_EXPORT int32_t impl_aclrtCreateEvent(void **event)
{
    return create("aclrtCreateEvent", event, SYNC | TIME_LINE, false, false);
}

EMU_EXPORT int32_t impl_aclrtCreateEventWithFlag(void **event, uint32_t flag)
{
    return create("aclrtCreateEventWithFlag", event, flag, false, (flag & (SYNC | EXTERNAL)) != 0);
}

EMU_EXPORT int32_t impl_aclrtCreateEventExWithFlag(void **event, uint32_t flag)
{
    return create("aclrtCreateEventExWithFlag", event, flag, true, (flag & EXTERNAL) != 0);
}

EMU_EXPORT int32_t impl_aclrtDestroyEvent(void *handle)
{
    return entry("aclrtDestroyEvent", [&] {
        Lock lock(state().mutex);
        event_for_work(handle);
        take_handle(handle);
    });
}

EMU_EXPORT int32_t impl_aclrtRecordEventWithFlag(void *handle, void *stream_handle, uint32_t flag)
{
    return entry("aclrtRecordEvent", [&] {
        Lock lock(state().mutex);
        auto stream = stream_for_work(stream_handle);
        auto event = event_for_work(handle);
        check_fault(stream->context->device);
        record(lock, event, stream, flag == 1);
    });
}

EMU_EXPORT int32_t impl_aclrtRecordEvent(void *event, void *stream)
{
    return impl_aclrtRecordEventWithFlag(event, stream, 0);
}

EMU_EXPORT int32_t impl_aclrtResetEvent(void *handle, void *stream_handle)
{
    return entry("aclrtResetEvent", [&] {
        Lock lock(state().mutex);
        auto stream = stream_for_work(stream_handle);
        auto event = event_for_work(handle);
        if (!event->resettable) {
            violation(9, CODED, "only an event of CreateEventWithFlag with SYNC or EXTERNAL can be reset");
            fail(PARAM_INVALID, "this kind of event has no reset");
        }
        auto task = std::make_shared<Task>();
        task->name = "event reset";
        task->passed = [event] {
            event->external_set = false;
        };
        enqueue(lock, stream, task);
    });
}

EMU_EXPORT int32_t impl_aclrtQueryEvent(void *event, int32_t *status)
{
    return query("aclrtQueryEvent", event, status, 0, 1, false);
}

EMU_EXPORT int32_t impl_aclrtQueryEventStatus(void *event, int32_t *status)
{
    return query("aclrtQueryEventStatus", event, status, 1, 0, true); // the enum that is the other way round
}

EMU_EXPORT int32_t impl_aclrtQueryEventWaitStatus(void *event, int32_t *status)
{
    return query("aclrtQueryEventWaitStatus", event, status, 0, 1, false);
}

EMU_EXPORT int32_t impl_aclrtSynchronizeEvent(void *event)
{
    return wait_on_host("aclrtSynchronizeEvent", event, -1);
}

EMU_EXPORT int32_t impl_aclrtSynchronizeEventWithTimeout(void *event, int32_t timeout)
{
    int32_t code = entry("aclrtSynchronizeEventWithTimeout", [&] {
        if (timeout == 0 || timeout < -1) {
            violation(10, CODED, format("a timeout of %d: -1 waits forever, else it is above 0", timeout));
            fail(PARAM_INVALID, "the timeout is 0 or below -1");
        }
    });
    return code ? code : wait_on_host("aclrtSynchronizeEventWithTimeout", event, timeout);
}

EMU_EXPORT int32_t impl_aclrtStreamWaitEventWithFlag(void *stream_handle, void *handle, uint32_t timeout, uint32_t flag)
{
    (void)timeout;
    return entry("aclrtStreamWaitEvent", [&] {
        Lock lock(state().mutex);
        auto stream = stream_for_work(stream_handle);
        auto event = event_for_work(handle);
        check_fault(stream->context->device);
        wait(lock, stream, event, flag == 1);
    });
}

EMU_EXPORT int32_t impl_aclrtStreamWaitEvent(void *stream, void *event)
{
    return impl_aclrtStreamWaitEventWithFlag(stream, event, 0, 0);
}

EMU_EXPORT int32_t impl_aclrtStreamWaitEventWithTimeout(void *stream, void *event, int32_t timeout)
{
    if (timeout < 0)
        return entry("aclrtStreamWaitEventWithTimeout", [] {
            violation(10, CODED, "a timeout below 0 (seconds; 0 waits forever)");
            fail(PARAM_INVALID, "the timeout is below 0");
        });
    return impl_aclrtStreamWaitEventWithFlag(stream, event, static_cast<uint32_t>(timeout), 0);
}

EMU_EXPORT int32_t impl_aclrtEventElapsedTime(float *ms, void *startEvent, void *endEvent)
{
    return entry("aclrtEventElapsedTime", [&] {
        Lock lock(state().mutex);
        context();
        auto start = as<Event>(startEvent, Kind::EVENT), end = as<Event>(endEvent, Kind::EVENT);
        if (!ms)
            fail(PARAM_INVALID, "ms is null");
        for (auto &event : {start, end})
            if (!(event->flags & TIME_LINE) || !event->records || event->reached < event->records) {
                violation(9, CODED, event->flags & TIME_LINE ? "elapsed time of an event that has not happened"
                                                             : "elapsed time of an event without TIME_LINE");
                fail(EVENT_TIMESTAMP_INVALID, "both events need TIME_LINE and must have happened");
            }
        *ms = static_cast<float>(end->reached_at - start->reached_at);
    });
}

EMU_EXPORT int32_t impl_aclrtEventGetTimestamp(void *handle, uint64_t *timestamp)
{
    return entry("aclrtEventGetTimestamp", [&] {
        Lock lock(state().mutex);
        context();
        auto event = as<Event>(handle, Kind::EVENT);
        if (!timestamp)
            fail(PARAM_INVALID, "timestamp is null");
        if (!(event->flags & TIME_LINE) || event->reached < event->records || !event->records) {
            violation(9, CODED, "timestamp of an event without TIME_LINE or that has not happened");
            fail(EVENT_TIMESTAMP_INVALID, "the event has no timestamp");
        }
        *timestamp = static_cast<uint64_t>(event->reached_at * 1000);
    });
}

EMU_EXPORT int32_t impl_aclrtGetEventAvailNum(uint32_t *eventCount)
{
    return entry("aclrtGetEventAvailNum", [&] {
        Lock lock(state().mutex);
        context();
        if (!eventCount)
            fail(PARAM_INVALID, "eventCount is null");
        *eventCount = 65536;
    });
}
