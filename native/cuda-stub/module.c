// Modules, functions and launches. A function does nothing unless the host build of the kernels has it.
#include "stub.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct host_kernel *kernels;

// CUjit_option.
enum { JIT_ERROR_LOG = 5, JIT_ERROR_LOG_BYTES = 6 };

struct function {
    struct host_kernel kernel;
    struct function *next;
};
static struct function *functions;

// Loads the host build of the kernels; answers how many it has, or -1 with the loader's words on standard error.
EXPORT int halcyon_stub_kernels(const char *path) {
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    const struct host_kernel *table = library == NULL ? NULL : dlsym(library, "halcyon_host_kernels");
    if (table == NULL) {
        fprintf(stderr, "cuda-stub: %s\n", dlerror());
        return -1;
    }
    kernels = table;
    int count = 0;
    while (table[count].name != NULL) {
        count++;
    }
    return count;
}

const struct host_kernel *stub_find_kernel(const char *name) {
    for (const struct host_kernel *each = kernels; each != NULL && each->name != NULL; each++) {
        if (strcmp(each->name, name) == 0) {
            return each;
        }
    }
    return NULL;
}

static int is_fatbin(const void *image) {
    return memcmp(image, "\x50\xed\x55\xba", 4) == 0;
}

// The settings fatbin and ptx are codes with which an image of that kind is refused; the compiler then has a word to say.
static int refusal(const void *image, int count, const int *options, void **values) {
    int code = (int)stub_setting(is_fatbin(image) ? "fatbin" : "ptx");
    char *log = NULL;
    size_t size = 0;
    for (int i = 0; i < count; i++) {
        log = options[i] == JIT_ERROR_LOG ? values[i] : log;
        size = options[i] == JIT_ERROR_LOG_BYTES ? (size_t)(uintptr_t)values[i] : size;
    }
    if (code != SUCCESS && log != NULL && size > 0) {
        snprintf(log, size, "ptxas of the stub, line 1; fatal: refused");
    }
    return code;
}

EXPORT int cuModuleLoadDataEx(uintptr_t *module, const void *image, unsigned count, int *options, void **values) {
    int code = stub_enter(__func__, 1, "%s", is_fatbin(image) ? "fatbin" : "ptx");
    code = code != SUCCESS ? code : refusal(image, (int)count, options, values);
    if (code == SUCCESS) {
        stub_count("modules", 1);
        *module = 0x30D00001u;
    }
    return stub_leave(code);
}

EXPORT int cuModuleUnload(uintptr_t module) {
    int code = stub_enter(__func__, 1, "%s", "");
    if (code == SUCCESS && module != 0) {
        stub_count("modules", -1);
    }
    return stub_leave(code);
}

EXPORT int cuModuleGetFunction(struct function **to, uintptr_t module, const char *name) {
    int code = stub_enter(__func__, 1, "%s", name);
    if (code != SUCCESS || module == 0) {
        return stub_leave(code != SUCCESS ? code : INVALID_HANDLE);
    }
    const struct host_kernel *found = stub_find_kernel(name);
    if (found == NULL && kernels != NULL) {
        return stub_leave(NOT_FOUND);
    }
    struct function *fresh = calloc(1, sizeof *fresh);
    fresh->kernel = found == NULL ? (struct host_kernel){strdup(name), 0, NULL} : *found;
    fresh->next = functions;
    functions = fresh;
    *to = fresh;
    return stub_leave(SUCCESS);
}

EXPORT int cuFuncSetAttribute(struct function *function, int attribute, int value) {
    int code = stub_enter(__func__, 1, "%s, %d, %d", function->kernel.name, attribute, value);
    return stub_leave(code);
}

// The first word of every parameter block counts its 8-byte words; the host build knows how many the kernel wants.
static int are_params_right(const struct host_kernel *kernel, const void *params) {
    uint64_t words = *(const uint64_t *)params;
    return words >= 1 && words <= 512 && (kernel->params_bytes == 0 || words * 8 == (uint64_t)kernel->params_bytes);
}

EXPORT int cuLaunchKernel(
    struct function *function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
    unsigned shared_bytes, struct stream *stream, void **params, void **extra) {
    int code = stub_enter(__func__, 1, "%s, %ux%ux%u, %ux%ux%u, %u", function->kernel.name, gx, gy, gz, bx, by, bz,
        shared_bytes);
    if (code != SUCCESS) {
        return stub_leave(code);
    }
    unsigned long long threads = (unsigned long long)bx * by * bz;
    if (gx == 0 || gy == 0 || gz == 0 || gy > 65535 || gz > 65535 || threads == 0 || threads > 1024 || extra != NULL) {
        return stub_leave(INVALID_VALUE);
    }
    if (!are_params_right(&function->kernel, params[0])) {
        fprintf(stderr, "cuda-stub: %s was launched with %llu words of parameters, it takes %d\n",
            function->kernel.name, *(unsigned long long *)params[0], function->kernel.params_bytes / 8);
        return stub_leave(INVALID_VALUE);
    }
    struct work work = {.kind = LAUNCH, .kernel = &function->kernel, .params = params[0],
        .grid = {gx, gy, gz}, .block = {bx, by, bz}, .shared_bytes = shared_bytes};
    return stub_leave(stub_submit(stream, &work));
}

// Submits what a library of its own computes, under the kernel's name; the first word of params counts its words.
EXPORT int halcyon_stub_run(struct stream *stream, const struct host_kernel *kernel, void *params) {
    int code = stub_enter(kernel->name, 1, "%s", "");
    struct work work = {.kind = LAUNCH, .kernel = kernel, .params = params};
    return stub_leave(code != SUCCESS ? code : stub_submit(stream, &work));
}
