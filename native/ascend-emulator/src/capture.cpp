// Capture of streams into a graph, and task groups whose operator a later step may replace. Replay is in streams.cpp.
#include "core.h"

#include <cstdio>

namespace emu {

void refuse_in_capture(int32_t code)
{
    for (auto &capture : state().captures)
        if (capture->mode == 0 || (capture->mode == 1 && capture->thread == thread_number())) {
            capture->invalid = true;
            std::string text = "not allowed while a stream captures in this mode";
            violation(17, CODED, text);
            fail(code, text);
        }
}

namespace {

void end(const std::shared_ptr<Capture> &capture)
{
    for (auto &stream : capture->streams)
        stream->capture = nullptr;
    auto &all = state().captures;
    all.erase(std::remove(all.begin(), all.end(), capture), all.end());
}

void unhold(const std::vector<Node> &nodes)
{
    for (auto &node : nodes)
        for (auto &block : node.task->blocks)
            block->captured--;
}

[[noreturn]] void misuse(int32_t code, const std::string &text, const std::shared_ptr<Capture> &capture = nullptr)
{
    if (capture)
        capture->invalid = true;
    violation(17, CODED, text);
    fail(code, text);
}

} // namespace
} // namespace emu

using namespace emu;

EMU_EXPORT int32_t impl_aclmdlRICaptureBegin(void *handle, int32_t mode)
{
    return entry("aclmdlRICaptureBegin", [&] {
        Lock lock(state().mutex);
        auto current = context();
        if (state().settings.product == Product::P310)
            fail(FEATURE_NOT_SUPPORT, "310P has no graphs");
        if (mode < 0 || mode > 2)
            fail(PARAM_INVALID, "mode is 0 to 2");
        auto stream = stream_for_work(handle);
        check_fault(current->device);
        if (stream == current->default_stream)
            misuse(STREAM_CAPTURE_IMPLICIT, "the default stream cannot capture");
        if (stream->capture)
            misuse(STREAM_CAPTURED, "the stream captures already");
        auto capture = std::make_shared<Capture>();
        capture->origin = stream;
        capture->streams = {stream};
        capture->components = {state().components++};
        capture->times = {0};
        capture->seen.resize(1);
        capture->mode = mode;
        capture->thread = thread_number();
        stream->capture = capture;
        state().captures.push_back(capture);
    });
}

EMU_EXPORT int32_t impl_aclmdlRICaptureGetInfo(void *handle, int32_t *status, void **modelRI)
{
    return entry("aclmdlRICaptureGetInfo", [&] {
        Lock lock(state().mutex);
        auto stream = stream_for_work(handle);
        if (!status)
            fail(PARAM_INVALID, "status is null");
        *status = !stream->capture ? 0 : stream->capture->invalid ? 2 : 1;
        if (modelRI)
            *modelRI = nullptr;
    });
}

EMU_EXPORT int32_t impl_aclmdlRICaptureEnd(void *handle, void **modelRI)
{
    return entry("aclmdlRICaptureEnd", [&] {
        Lock lock(state().mutex);
        auto current = context();
        auto stream = stream_for_work(handle);
        if (!modelRI)
            fail(PARAM_INVALID, "modelRI is null");
        auto capture = stream->capture;
        if (!capture)
            misuse(STREAM_NOT_CAPTURED, "the stream does not capture");
        if (capture->origin != stream)
            misuse(STREAM_CAPTURE_UNMATCHED, "the capture began on another stream", capture);
        if (capture->mode != 2 && capture->thread != thread_number())
            misuse(STREAM_CAPTURE_WRONG_THREAD, "the capture began on another thread", capture);
        end(capture);
        if (capture->group) {
            unhold(capture->nodes);
            misuse(TASK_GROUP_INTERRUPTED, "the capture ends within a task group");
        }
        if (capture->invalid) {
            unhold(capture->nodes);
            fail(STREAM_CAPTURE_INVALIDATED, "the capture became invalid by an earlier call");
        }
        for (size_t i = 1; i < capture->streams.size(); i++)
            if (capture->seen[0].of(capture->components[i]) < capture->times[i]) {
                unhold(capture->nodes);
                misuse(STREAM_UNJOINED, format("stream %d did work that no event joins back", capture->streams[i]->id));
            }
        auto graph = std::make_shared<Graph>();
        graph->context = current;
        graph->nodes = std::move(capture->nodes);
        graph->components = capture->components;
        graph->span = 1 + *std::max_element(capture->times.begin(), capture->times.end());
        *modelRI = give_handle(Kind::GRAPH, graph);
    });
}

EMU_EXPORT int32_t impl_aclmdlRICaptureThreadExchangeMode(int32_t *mode)
{
    return entry("aclmdlRICaptureThreadExchangeMode", [&] {
        Lock lock(state().mutex);
        if (!mode || *mode < 0 || *mode > 2)
            fail(PARAM_INVALID, "mode is null or unknown");
        for (auto &capture : state().captures)
            if (capture->thread == thread_number()) {
                std::swap(capture->mode, *mode);
                return;
            }
        *mode = 0;
    });
}

EMU_EXPORT int32_t impl_aclmdlRIDestroy(void *modelRI)
{
    return entry("aclmdlRIDestroy", [&] {
        Lock lock(state().mutex);
        auto graph = as<Graph>(modelRI, Kind::GRAPH);
        if (graph->running)
            misuse(MODEL_RUNNING, "the graph is running");
        unhold(graph->nodes);
        take_handle(modelRI);
    });
}

EMU_EXPORT int32_t impl_aclmdlRIDebugPrint(void *modelRI)
{
    return entry("aclmdlRIDebugPrint", [&] {
        Lock lock(state().mutex);
        auto graph = as<Graph>(modelRI, Kind::GRAPH);
        for (auto &node : graph->nodes)
            std::printf("stream %u: %s\n", node.stream, node.task->name.c_str());
    });
}

EMU_EXPORT int32_t impl_aclmdlRICaptureTaskGrpBegin(void *handle)
{
    return entry("aclmdlRICaptureTaskGrpBegin", [&] {
        Lock lock(state().mutex);
        auto stream = stream_for_work(handle);
        if (!stream->capture)
            misuse(STREAM_NOT_CAPTURED, "a task group outside of a capture");
        if (stream->capture->group)
            misuse(TASK_GROUP_STATUS, "a task group within a task group", stream->capture);
        stream->capture->group = std::make_shared<TaskGroup>();
    });
}

EMU_EXPORT int32_t impl_aclmdlRICaptureTaskGrpEnd(void *handle, void **group)
{
    return entry("aclmdlRICaptureTaskGrpEnd", [&] {
        Lock lock(state().mutex);
        auto stream = stream_for_work(handle);
        if (!group)
            fail(PARAM_INVALID, "handle is null");
        if (!stream->capture || !stream->capture->group)
            misuse(TASK_GROUP_STATUS, "no task group was begun", stream->capture);
        auto made = stream->capture->group;
        stream->capture->group = nullptr;
        if (made->tasks.size() != 1 || !made->tasks[0]->call)
            misuse(NOT_SUPPORT_UPDATE_OP, "a task group holds exactly one operator", stream->capture);
        *group = give_handle(Kind::TASK_GROUP, made);
    });
}

EMU_EXPORT int32_t impl_aclmdlRICaptureTaskUpdateBegin(void *handle, void *group)
{
    return entry("aclmdlRICaptureTaskUpdateBegin", [&] {
        Lock lock(state().mutex);
        auto stream = stream_for_work(handle);
        if (stream->capture)
            misuse(STREAM_CAPTURED, "a task update on a stream that captures", stream->capture);
        if (stream->updating)
            misuse(TASK_GROUP_STATUS, "a task update within a task update");
        stream->updating = as<TaskGroup>(group, Kind::TASK_GROUP);
    });
}

EMU_EXPORT int32_t impl_aclmdlRICaptureTaskUpdateEnd(void *handle)
{
    return entry("aclmdlRICaptureTaskUpdateEnd", [&] {
        Lock lock(state().mutex);
        auto stream = stream_for_work(handle);
        if (!stream->updating)
            misuse(TASK_GROUP_STATUS, "no task update was begun");
        stream->updating = nullptr;
    });
}
