// Streams and events: queues of work that run at once, or, with the setting lazy, only when somebody waits.
#include "stub.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct stream *streams;

struct work *stub_copy_work(const struct work *work) {
    struct work *copy = malloc(sizeof *copy);
    *copy = *work;
    copy->next = NULL;
    if (work->params != NULL) {
        size_t bytes = *(const uint64_t *)work->params * 8;
        copy->params = malloc(bytes);
        memcpy(copy->params, work->params, bytes);
    }
    return copy;
}

void stub_free_work(struct work *first) {
    while (first != NULL) {
        struct work *next = first->next;
        free(first->params);
        free(first);
        first = next;
    }
}

static int is_address_valid(const struct work *work) {
    size_t bytes = work->kind == FILL32 ? work->count * 4 : work->count;
    return stub_range_is_live(work->to, bytes) && (work->kind != COPY || stub_range_is_live(work->from, bytes));
}

void stub_run(const struct work *work) {
    switch (work->kind) {
        case COPY:
        case FILL8:
        case FILL32:
            if (!is_address_valid(work)) {
                stub_poison(ILLEGAL_ADDRESS);
                return;
            }
            if (work->kind == COPY) {
                memmove(work->to, work->from, work->count);
            } else if (work->kind == FILL8) {
                memset(work->to, (int)work->value, work->count);
            } else {
                for (size_t i = 0; i < work->count; i++) {
                    ((uint32_t *)work->to)[i] = work->value;
                }
            }
            return;
        case LAUNCH:
            if (stub_setting("fault") != SUCCESS) {
                stub_poison((int)stub_setting("fault"));
                return;
            }
            if (work->kernel->run != NULL) {
                work->kernel->run(work->params, work->grid, work->block, work->shared_bytes);
            }
            return;
        case WAIT: stub_drain(work->other, work->other_position); return;
        case RECORD: return;
        case REPLAY:
            for (struct work *each = work->graph->first; each != NULL; each = each->next) {
                stub_run(each);
            }
            return;
    }
}

// Runs a stream's work until it has passed a position.
void stub_drain(struct stream *stream, uint64_t position) {
    while (stream->executed < position && stream->first != NULL) {
        struct work *next = stream->first;
        stream->first = next->next;
        if (stream->first == NULL) {
            stream->last = NULL;
        }
        next->next = NULL;
        stub_run(next);
        stream->executed++;
        stub_free_work(next);
    }
}

static void append(struct work **first, struct work **last, struct work *work) {
    if (*last == NULL) {
        *first = work;
    } else {
        (*last)->next = work;
    }
    *last = work;
}

// Adds work to a stream, or to the graph that is being captured from it.
int stub_submit(struct stream *stream, const struct work *work) {
    if (stream == NULL) {
        return INVALID_HANDLE;
    }
    struct work *copy = stub_copy_work(work);
    if (stream->capture != NULL) {
        append(&stream->capture->first, &stream->capture->last, copy);
        stream->unjoined = 1;
        return SUCCESS;
    }
    append(&stream->first, &stream->last, copy);
    stream->issued++;
    if (!stub_setting("lazy")) {
        stub_drain(stream, stream->issued);
    }
    return SUCCESS;
}

EXPORT int cuStreamCreate(struct stream **to, unsigned flags) {
    int code = stub_enter(__func__, 1, "%u", flags);
    if (code == SUCCESS) {
        *to = calloc(1, sizeof **to);
        (*to)->next = streams;
        streams = *to;
        stub_count("streams", 1);
    }
    return stub_leave(code);
}

// The struct stays: an event may still name it.
EXPORT int cuStreamDestroy_v2(struct stream *stream) {
    int code = stub_enter(__func__, 1, "%s", "");
    if (code == SUCCESS) {
        stub_drain(stream, stream->issued);
        stub_count("streams", -1);
    }
    return stub_leave(code);
}

EXPORT int cuStreamSynchronize(struct stream *stream) {
    int code = stub_enter(__func__, 1, "%s", "");
    if (code == SUCCESS && stream->capture != NULL) {
        stream->capture->invalid = 1;
        code = CAPTURE_UNSUPPORTED;
    } else if (code == SUCCESS) {
        stub_drain(stream, stream->issued);
    }
    return stub_leave(code);
}

EXPORT int cuCtxSynchronize(void) {
    int code = stub_enter(__func__, 1, "%s", "");
    for (struct stream *each = streams; code == SUCCESS && each != NULL; each = each->next) {
        stub_drain(each, each->issued);
    }
    return stub_leave(code);
}

EXPORT int cuEventCreate(struct event **to, unsigned flags) {
    int code = stub_enter(__func__, 1, "%u", flags);
    if (code == SUCCESS) {
        *to = calloc(1, sizeof **to);
        stub_count("events", 1);
    }
    return stub_leave(code);
}

EXPORT int cuEventDestroy_v2(struct event *event) {
    int code = stub_enter(__func__, 1, "%s", "");
    if (code == SUCCESS) {
        free(event);
        stub_count("events", -1);
    }
    return stub_leave(code);
}

EXPORT int cuEventRecord(struct event *event, struct stream *stream) {
    int code = stub_enter(__func__, 1, "%s", "");
    if (code == SUCCESS) {
        *event = (struct event){stream, 0, stream->capture};
        if (stream->capture == NULL) {
            code = stub_submit(stream, &(struct work){.kind = RECORD});
            event->position = stream->issued;
        }
    }
    return stub_leave(code);
}

EXPORT int cuEventQuery(struct event *event) {
    int code = stub_enter(__func__, 1, "%s", "");
    if (code == SUCCESS && event->stream != NULL && event->stream->executed < event->position) {
        // A piece of work a question: somebody who polls gets there.
        stub_drain(event->stream, event->stream->executed + 1);
        code = event->stream->executed < event->position ? NOT_READY : SUCCESS;
    }
    return stub_leave(code);
}

EXPORT int cuEventSynchronize(struct event *event) {
    int code = stub_enter(__func__, 1, "%s", "");
    if (code == SUCCESS && event->stream != NULL) {
        stub_drain(event->stream, event->position);
    }
    return stub_leave(code);
}

EXPORT int cuStreamWaitEvent(struct stream *stream, struct event *event, unsigned flags) {
    int code = stub_enter(__func__, 1, "%u", flags);
    if (code != SUCCESS) {
        return stub_leave(code);
    }
    if (event->capture != NULL) {
        // A wait for captured work takes the waiting stream into the capture, or brings a branch back.
        event->stream->unjoined = 0;
        if (stream->capture == NULL) {
            stream->capture = event->capture;
            stream->unjoined = 1;
        }
    } else if (event->stream != NULL) {
        code = stub_submit(
            stream, &(struct work){.kind = WAIT, .other = event->stream, .other_position = event->position});
    }
    return stub_leave(code);
}

static int copy(void *to, const void *from, size_t bytes, struct stream *stream) {
    return stub_submit(stream, &(struct work){.kind = COPY, .to = to, .from = from, .count = bytes});
}

EXPORT int cuMemcpyAsync(device_address to, device_address from, size_t bytes, struct stream *stream) {
    int code = stub_enter(__func__, 1, "%zu", bytes);
    return stub_leave(
        code != SUCCESS ? code : copy((void *)(uintptr_t)to, (const void *)(uintptr_t)from, bytes, stream));
}

EXPORT int cuMemsetD8Async(device_address to, unsigned char value, size_t count, struct stream *stream) {
    int code = stub_enter(__func__, 1, "%u, %zu", value, count);
    return stub_leave(
        code != SUCCESS ? code : stub_submit(stream, &(struct work){.kind = FILL8, .to = (void *)(uintptr_t)to,
                                                                     .count = count, .value = value}));
}

EXPORT int cuMemsetD32Async(device_address to, unsigned value, size_t count, struct stream *stream) {
    int code = stub_enter(__func__, 1, "%u, %zu", value, count);
    return stub_leave(
        code != SUCCESS ? code : stub_submit(stream, &(struct work){.kind = FILL32, .to = (void *)(uintptr_t)to,
                                                                     .count = count, .value = value}));
}

EXPORT int cuStreamBeginCapture_v2(struct stream *stream, int mode) {
    int code = stub_enter(__func__, 1, "%d", mode);
    if (code == SUCCESS) {
        stream->capture = calloc(1, sizeof *stream->capture);
        stream->capture->origin = stream;
        stub_capturing = stream->capture;
    }
    return stub_leave(code);
}

EXPORT int cuStreamEndCapture(struct stream *stream, struct graph **to) {
    int code = stub_enter(__func__, 1, "%s", "");
    struct graph *graph = stream->capture;
    *to = NULL;
    if (graph == NULL) {
        return stub_leave(INVALID_VALUE);
    }
    for (struct stream *each = streams; each != NULL; each = each->next) {
        if (each->capture == graph) {
            code = each != stream && each->unjoined && code == SUCCESS ? CAPTURE_UNJOINED : code;
            each->capture = NULL;
            each->unjoined = 0;
        }
    }
    stub_capturing = NULL;
    if (graph->invalid && code == SUCCESS) {
        code = CAPTURE_INVALIDATED;
    }
    if (code == SUCCESS) {
        *to = graph;
        stub_count("graphs", 1);
    } else {
        stub_free_work(graph->first);
        free(graph);
    }
    return stub_leave(code);
}
