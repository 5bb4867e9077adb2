// What a test says to the stub: settings, failures on demand, the record of calls, counts of what is alive.
#include "stub.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Thread_local uintptr_t stub_current_context;
_Thread_local struct graph *stub_capturing;

static pthread_mutex_t lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;

enum { LOG_BYTES = 1 << 20, MOST_NAMES = 32 };
static char record[LOG_BYTES];
static size_t recorded;

struct named {
    char name[48];
    long value;
};
static struct named settings[MOST_NAMES];
static struct named counts[MOST_NAMES];

static char failing[64];
static int failing_after;
static int failing_always;
static int failing_code;
static int poisoned;

static struct named *find(struct named *table, const char *name) {
    for (int i = 0; i < MOST_NAMES; i++) {
        if (table[i].name[0] == 0) {
            snprintf(table[i].name, sizeof table[i].name, "%s", name);
            return &table[i];
        }
        if (strcmp(table[i].name, name) == 0) {
            return &table[i];
        }
    }
    fprintf(stderr, "cuda-stub: too many names, at %s\n", name);
    abort();
}

// For processes that do not know of the stub: HALCYON_STUB_SETTINGS holds NAME=NUMBER, separated by commas.
static void from_environment(void) {
    const char *at = getenv("HALCYON_STUB_SETTINGS");
    char name[32];
    long value;
    while (at != NULL && sscanf(at, "%31[a-z]=%ld", name, &value) == 2) {
        find(settings, name)->value = value;
        at = strchr(at, ',');
        at = at == NULL ? NULL : at + 1;
    }
}

static void defaults(void) {
    memset(settings, 0, sizeof settings);
    find(settings, "version")->value = 13000;
    find(settings, "devices")->value = 1;
    find(settings, "memory")->value = 8L << 30;
    find(settings, "major")->value = 9;
    find(settings, "pools")->value = 1;
    from_environment();
}

// Its presence is how a backend knows that it does not talk to a GPU.
EXPORT int halcyon_stub_version(void) {
    return 1;
}

// Forgets failures, settings, the record and the poison; what is alive stays alive.
EXPORT void halcyon_stub_reset(void) {
    pthread_mutex_lock(&lock);
    defaults();
    stub_forget_memory();
    failing[0] = 0;
    poisoned = 0;
    recorded = 0;
    record[0] = 0;
    pthread_mutex_unlock(&lock);
}

// Settings: init (code of cuInit), version, devices, memory (bytes), major (compute capability), pools, lazy (1: work runs only
// when somebody waits for it), fault (code with which the next kernel ends, and with it the context), fatbin and ptx (codes
// with which images of that kind are refused).
EXPORT void halcyon_stub_set(const char *name, long value) {
    pthread_mutex_lock(&lock);
    stub_setting("version");
    find(settings, name)->value = value;
    pthread_mutex_unlock(&lock);
}

// Makes a function return code once, after so many more calls that succeed; from now on, if after is negative.
EXPORT void halcyon_stub_fail(const char *function, int after, int code) {
    pthread_mutex_lock(&lock);
    snprintf(failing, sizeof failing, "%s", function);
    failing_after = after;
    failing_always = after < 0;
    failing_code = code;
    pthread_mutex_unlock(&lock);
}

// Copies the record, one call a line, and begins a new one; answers its length.
EXPORT long halcyon_stub_take_record(char *to, long size) {
    pthread_mutex_lock(&lock);
    long length = snprintf(to, (size_t)size, "%s", record);
    recorded = 0;
    record[0] = 0;
    pthread_mutex_unlock(&lock);
    return length;
}

// How many allocations, pinned, streams, events, graphs, executables, modules or contexts are alive.
EXPORT long halcyon_stub_alive(const char *what) {
    pthread_mutex_lock(&lock);
    long value = find(counts, what)->value;
    pthread_mutex_unlock(&lock);
    return value;
}

long stub_setting(const char *name) {
    if (settings[0].name[0] == 0) {
        defaults();
    }
    return find(settings, name)->value;
}

void stub_count(const char *what, long change) {
    find(counts, what)->value += change;
}

void stub_poison(int code) {
    if (poisoned == 0) {
        poisoned = code;
    }
}

static int is_sticky(int code) {
    return code == ILLEGAL_ADDRESS || code == ASSERT || (code >= HARDWARE_STACK_ERROR && code <= LAUNCH_FAILED);
}

static void note(const char *function, const char *format, va_list arguments) {
    if (LOG_BYTES - recorded < 512) {
        return;
    }
    recorded += (size_t)snprintf(record + recorded, 128, "%s(", function);
    recorded += (size_t)vsnprintf(record + recorded, 256, format, arguments);
    recorded += (size_t)snprintf(record + recorded, 8, ")\n");
}

// Takes the lock, records the call, and answers the code that it must return at once, or SUCCESS.
int stub_enter(const char *function, int needs_context, const char *format, ...) {
    pthread_mutex_lock(&lock);
    va_list arguments;
    va_start(arguments, format);
    note(function, format, arguments);
    va_end(arguments);
    if (strcmp(failing, function) == 0 && (failing_after < 0 || failing_after-- == 0)) {
        if (failing_after == -1 && !failing_always) {
            failing[0] = 0;
        }
        if (is_sticky(failing_code)) {
            stub_poison(failing_code);
        }
        return failing_code;
    }
    if (poisoned != 0 && needs_context) {
        return poisoned;
    }
    return needs_context && stub_current_context == 0 ? INVALID_CONTEXT : SUCCESS;
}

// Gives the lock back. Work that ran inside the call may have poisoned the context, and the call then says so.
int stub_leave(int code) {
    int answer = code == SUCCESS && poisoned != 0 ? poisoned : code;
    pthread_mutex_unlock(&lock);
    return answer;
}
