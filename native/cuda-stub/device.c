// Devices and the primary context.
#include "stub.h"

#include <stdio.h>
#include <stdlib.h>

static int retained;

// Programs that do not know of the stub get kernels by the variable HALCYON_STUB_KERNELS, the path of their host build.
EXPORT int cuInit(unsigned flags) {
    static int loaded;
    const char *kernels = getenv("HALCYON_STUB_KERNELS");
    if (kernels != NULL && !loaded) {
        loaded = 1;
        halcyon_stub_kernels(kernels);
    }
    int code = stub_enter(__func__, 0, "%u", flags);
    return stub_leave(code != SUCCESS ? code : (int)stub_setting("init"));
}

EXPORT int cuDriverGetVersion(int *version) {
    int code = stub_enter(__func__, 0, "%s", "");
    *version = (int)stub_setting("version");
    return stub_leave(code);
}

EXPORT int cuDeviceGetCount(int *count) {
    int code = stub_enter(__func__, 0, "%s", "");
    *count = (int)stub_setting("devices");
    return stub_leave(code);
}

EXPORT int cuDeviceGet(int *device, int ordinal) {
    int code = stub_enter(__func__, 0, "%d", ordinal);
    *device = ordinal;
    return stub_leave(code != SUCCESS ? code : ordinal < stub_setting("devices") ? SUCCESS : INVALID_DEVICE);
}

EXPORT int cuDeviceGetName(char *name, int length, int device) {
    int code = stub_enter(__func__, 0, "%d", device);
    snprintf(name, (size_t)length, "Halcyon stub");
    return stub_leave(code);
}

EXPORT int cuDeviceTotalMem_v2(size_t *bytes, int device) {
    int code = stub_enter(__func__, 0, "%d", device);
    *bytes = (size_t)stub_setting("memory");
    return stub_leave(code);
}

EXPORT int cuDeviceGetAttribute(int *value, int attribute, int device) {
    int code = stub_enter(__func__, 0, "%d, %d", attribute, device);
    switch (attribute) {
        case 16: *value = 4; break;                            // multiprocessors
        case 75: *value = (int)stub_setting("major"); break;   // compute capability
        case 76: *value = 0; break;
        case 97: *value = 232448; break;                       // most shared memory of a block
        case 115: *value = (int)stub_setting("pools"); break;  // memory pools
        default: *value = 0;
    }
    return stub_leave(code);
}

EXPORT int cuDevicePrimaryCtxRetain(uintptr_t *context, int device) {
    int code = stub_enter(__func__, 0, "%d", device);
    if (code == SUCCESS) {
        retained++;
        stub_count("contexts", 1);
        *context = 0xC0DE0000u + (uintptr_t)device;
    }
    return stub_leave(code);
}

EXPORT int cuDevicePrimaryCtxRelease_v2(int device) {
    int code = stub_enter(__func__, 0, "%d", device);
    if (code == SUCCESS && retained > 0) {
        retained--;
        stub_count("contexts", -1);
    }
    return stub_leave(code);
}

EXPORT int cuCtxSetCurrent(uintptr_t context) {
    int code = stub_enter(__func__, 0, "%s", context == 0 ? "none" : "primary");
    if (code == SUCCESS) {
        stub_current_context = context;
    }
    return stub_leave(code);
}

EXPORT int cuCtxGetCurrent(uintptr_t *context) {
    int code = stub_enter(__func__, 0, "%s", "");
    *context = stub_current_context;
    return stub_leave(code);
}

EXPORT int cuGetErrorName(int error, const char **name) {
    *name = error == SUCCESS ? "CUDA_SUCCESS" : "CUDA_ERROR_FROM_STUB";
    return SUCCESS;
}

EXPORT int cuGetErrorString(int error, const char **text) {
    *text = error == SUCCESS ? "no error" : "an error of the stub";
    return SUCCESS;
}
