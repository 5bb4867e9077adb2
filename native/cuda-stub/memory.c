// Memory: device memory is host memory here, so that copies are real and a kernel's host build can use it.
#include "stub.h"

#include <stdlib.h>
#include <string.h>

struct allocation {
    char *start;
    size_t bytes;
    int pinned;
    struct allocation *next;
};

static struct allocation *allocations;
static long held;

// Whether the range lies inside one allocation that has not been freed.
int stub_range_is_live(const void *start, size_t bytes) {
    for (struct allocation *each = allocations; each != NULL; each = each->next) {
        const char *from = start;
        if (from >= each->start && from + bytes <= each->start + each->bytes) {
            return 1;
        }
    }
    return bytes == 0;
}

// What a lost device could not give back is no longer counted.
void stub_forget_memory(void) {
    held = 0;
}

static int allocate(void **to, size_t bytes, int pinned) {
    if (bytes == 0) {
        return INVALID_VALUE;
    }
    if (!pinned && held + (long)bytes > stub_setting("memory")) {
        return OUT_OF_MEMORY;
    }
    struct allocation *fresh = malloc(sizeof *fresh);
    void *start = aligned_alloc(512, (bytes + 511) / 512 * 512);
    if (fresh == NULL || start == NULL) {
        free(fresh);
        free(start);
        return OUT_OF_MEMORY;
    }
    memset(start, 0xA5, bytes);
    *fresh = (struct allocation){start, bytes, pinned, allocations};
    allocations = fresh;
    held += pinned ? 0 : (long)bytes;
    stub_count(pinned ? "pinned" : "allocations", 1);
    *to = start;
    return SUCCESS;
}

static int release(void *start, int pinned) {
    for (struct allocation **at = &allocations; *at != NULL; at = &(*at)->next) {
        struct allocation *found = *at;
        if (found->start == start && found->pinned == pinned) {
            *at = found->next;
            held -= pinned ? 0 : (long)found->bytes;
            stub_count(pinned ? "pinned" : "allocations", -1);
            free(found->start);
            free(found);
            return SUCCESS;
        }
    }
    return INVALID_VALUE;
}

// A thread that is capturing may not allocate: the capture is lost, as it is with the real driver.
static int refuse_in_capture(void) {
    if (stub_capturing == NULL) {
        return SUCCESS;
    }
    stub_capturing->invalid = 1;
    return CAPTURE_UNSUPPORTED;
}

EXPORT int cuMemAlloc_v2(device_address *to, size_t bytes) {
    int code = stub_enter(__func__, 1, "%zu", bytes);
    code = code != SUCCESS ? code : refuse_in_capture();
    void *start = NULL;
    code = code != SUCCESS ? code : allocate(&start, bytes, 0);
    *to = (device_address)(uintptr_t)start;
    return stub_leave(code);
}

EXPORT int cuMemFree_v2(device_address start) {
    int code = stub_enter(__func__, 1, "%s", "");
    code = code != SUCCESS ? code : refuse_in_capture();
    return stub_leave(code != SUCCESS ? code : release((void *)(uintptr_t)start, 0));
}

EXPORT int cuMemHostAlloc(void **to, size_t bytes, unsigned flags) {
    int code = stub_enter(__func__, 1, "%zu, %u", bytes, flags);
    code = code != SUCCESS ? code : refuse_in_capture();
    return stub_leave(code != SUCCESS ? code : allocate(to, bytes, 1));
}

EXPORT int cuMemFreeHost(void *start) {
    int code = stub_enter(__func__, 1, "%s", "");
    return stub_leave(code != SUCCESS ? code : release(start, 1));
}

EXPORT int cuMemGetInfo_v2(size_t *free_bytes, size_t *total) {
    int code = stub_enter(__func__, 1, "%s", "");
    *total = (size_t)stub_setting("memory");
    *free_bytes = *total - (size_t)held;
    return stub_leave(code);
}

// Pools: their memory is allocated and freed at once, in the order of the stream.
struct pool {
    unsigned long long threshold;
};

EXPORT int cuMemPoolCreate(struct pool **to, const int *properties) {
    int code = stub_enter(__func__, 0, "%d, %d, %d", properties[0], properties[2], properties[3]);
    if (code == SUCCESS) {
        *to = calloc(1, sizeof **to);
        stub_count("pools", 1);
    }
    return stub_leave(code);
}

EXPORT int cuMemPoolDestroy(struct pool *pool) {
    int code = stub_enter(__func__, 0, "%s", "");
    if (code == SUCCESS) {
        free(pool);
        stub_count("pools", -1);
    }
    return stub_leave(code);
}

EXPORT int cuMemPoolSetAttribute(struct pool *pool, int attribute, const unsigned long long *value) {
    int code = stub_enter(__func__, 0, "%d, %llx", attribute, *value);
    pool->threshold = *value;
    return stub_leave(code);
}

EXPORT int cuMemPoolTrimTo(struct pool *pool, size_t bytes) {
    int code = stub_enter(__func__, 0, "%zu", bytes);
    return stub_leave(code != SUCCESS ? code : pool->threshold == 0 ? INVALID_VALUE : SUCCESS);
}

EXPORT int cuMemAllocFromPoolAsync(device_address *to, size_t bytes, struct pool *pool, struct stream *stream) {
    int code = stub_enter(__func__, 1, "%zu", bytes);
    void *start = NULL;
    code = code != SUCCESS ? code : pool == NULL || stream == NULL ? INVALID_HANDLE : allocate(&start, bytes, 0);
    *to = (device_address)(uintptr_t)start;
    return stub_leave(code);
}

EXPORT int cuMemFreeAsync(device_address start, struct stream *stream) {
    int code = stub_enter(__func__, 1, "%s", "");
    if (code == SUCCESS) {
        stub_drain(stream, stream->issued);
        code = release((void *)(uintptr_t)start, 0);
    }
    return stub_leave(code);
}
