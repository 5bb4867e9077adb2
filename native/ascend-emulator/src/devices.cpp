// Initialisation, devices, contexts, and what a process can ask without doing work.
#include "core.h"
#include "emulator.h"

#include <cmath>

namespace emu {

namespace {
struct Mine {
    std::shared_ptr<Context> current;
    bool destroyed = false;
    uint64_t epoch = 0;
};
thread_local Mine mine;

void set_current(const std::shared_ptr<Context> &to)
{
    mine.current = to;
    mine.epoch = state().epoch;
}

void need_init()
{
    if (state().initialized)
        return;
    violation(8, CODED, state().finalized ? "a call after aclFinalize" : "a call before aclInit");
    fail(UNINITIALIZE, "aclInit was not called");
}

void need_device_id(int64_t id)
{
    if (id >= 0 && id < state().settings.devices)
        return;
    violation(8, CODED, format("device %lld of %d", (long long)id, state().settings.devices));
    fail(INVALID_DEVICEID, "there is no such device");
}

std::shared_ptr<Context> make_context(int device, bool primary)
{
    auto made = std::make_shared<Context>();
    made->device = device;
    made->primary = primary;
    give_handle(Kind::CONTEXT, made);
    made->default_stream = make_stream(made);
    return made;
}

/* Ends a context's streams. Streams that the caller made and did not destroy are a leak. */
void end_context(Lock &lock, const std::shared_ptr<Context> &of, const char *by, bool force)
{
    int left = 0;
    for (auto &stream : std::vector<std::shared_ptr<Stream>>(state().streams))
        if (stream->context == of) {
            if (stream != of->default_stream) {
                left++;
                take_handle(stream->handle);
            }
            close_stream(lock, stream, force);
        }
    if (left && !force)
        violation(8, UNDEFINED, format("%s with %d streams not destroyed", by, left));
    take_handle(of->handle);
}

void release_device(Lock &lock, int id, bool force, const char *by)
{
    Device &device = state().devices[id];
    if (device.primary) {
        auto primary = device.primary;
        end_context(lock, primary, by, force || device.fault);
        device.primary = nullptr;
    }
    device.references = 0;
    device.fault = 0;
    device.fault_text.clear();
}
} // namespace

std::shared_ptr<Context> context()
{
    if (!mine.current || mine.epoch != state().epoch) {
        violation(8, CODED, "this thread has no context: aclrtSetDevice was not called on it");
        fail(CONTEXT_NULL, "this thread has no context");
    }
    if (!peek(mine.current->handle, Kind::CONTEXT)) {
        violation(8, UNDEFINED, "this thread's context was destroyed");
        fail(CONTEXT_NULL, "this thread's context was destroyed");
    }
    return mine.current;
}

} // namespace emu

using namespace emu;

EMU_EXPORT int32_t impl_aclInit(const char *configPath)
{
    (void)configPath;
    return entry("aclInit", [&] {
        Lock lock(state().mutex);
        state().init_count++;
        if (state().initialized)
            fail(REPEAT_INITIALIZE, "initialised already; this is no error");
        state().initialized = true;
        state().finalized = false;
    });
}

static void finalize()
{
    State &s = state();
    s.initialized = false;
    s.finalized = true;
    s.init_count = 0;
    std::string leaks;
    for (const char *kind : {"device", "host", "stream", "event", "context", "graph", "tensor", "scalar", "array", "list", "executor"})
        if (int64_t live = emu_count((std::string("live.") + kind).c_str()))
            leaks += format("%s%lld %s", leaks.empty() ? "" : ", ", (long long)live, kind);
    if (!leaks.empty())
        violation(8, CODED, "not released at aclFinalize: " + leaks);
}

EMU_EXPORT int32_t impl_aclFinalize(void)
{
    return entry("aclFinalize", [&] {
        Lock lock(state().mutex);
        if (!state().initialized) {
            violation(8, CODED, "aclFinalize without aclInit");
            fail(REPEAT_FINALIZE, "not initialised");
        }
        finalize();
    });
}

EMU_EXPORT int32_t impl_aclFinalizeReference(uint64_t *refCount)
{
    return entry("aclFinalizeReference", [&] {
        Lock lock(state().mutex);
        if (!state().initialized)
            fail(REPEAT_FINALIZE, "not initialised");
        if (--state().init_count <= 0)
            finalize();
        if (refCount)
            *refCount = static_cast<uint64_t>(std::max(0, state().init_count));
    });
}

EMU_EXPORT int32_t impl_aclrtGetVersion(int32_t *major, int32_t *minor, int32_t *patch)
{
    return entry("aclrtGetVersion", [&] {
        if (!major || !minor || !patch)
            fail(INVALID_PARAM, "an argument is null");
        *major = 1;
        *minor = profile_8_1() ? 13 : 17;
        *patch = 0;
    });
}

EMU_EXPORT int32_t impl_aclsysGetCANNVersion(int32_t name, void *version)
{
    return entry("aclsysGetCANNVersion", [&] {
        if (name < 0 || name > 7 || !version)
            fail(INVALID_PARAM, "the package is unknown, or version is null");
        std::memset(version, 0, 512);
        std::strcpy(static_cast<char *>(version), profile_8_1() ? "8.1.RC1" : "9.0.0");
    });
}

EMU_EXPORT size_t impl_aclDataTypeSize(int32_t type)
{
    static const std::map<int32_t, size_t> sizes = {{0, 4}, {1, 2}, {2, 1}, {3, 4}, {4, 1}, {6, 2}, {7, 2}, {8, 4}, {9, 8}, {10, 8},
        {11, 8}, {12, 1}, {16, 8}, {17, 16}, {27, 2}, {33, 4}, {34, 1}, {35, 1}, {36, 1}, {37, 1}};
    auto found = sizes.find(type);
    return found == sizes.end() ? 0 : found->second;
}

EMU_EXPORT int32_t impl_aclrtGetDeviceCount(uint32_t *count)
{
    return entry("aclrtGetDeviceCount", [&] {
        Lock lock(state().mutex);
        need_init();
        if (!count)
            fail(PARAM_INVALID, "count is null");
        *count = static_cast<uint32_t>(state().settings.devices);
    });
}

EMU_EXPORT const char *impl_aclrtGetSocName(void)
{
    static std::set<std::string> names; // a returned name stays valid
    Lock lock(state().mutex);
    return names.insert(state().settings.soc).first->c_str();
}

EMU_EXPORT int32_t impl_aclrtGetRunMode(int32_t *runMode)
{
    return entry("aclrtGetRunMode", [&] {
        if (!runMode)
            fail(PARAM_INVALID, "runMode is null");
        *runMode = 1;
    });
}

EMU_EXPORT int32_t impl_aclrtSetDevice(int32_t deviceId)
{
    return entry("aclrtSetDevice", [&] {
        Lock lock(state().mutex);
        need_init();
        need_device_id(deviceId);
        Device &device = state().devices[deviceId];
        if (!device.primary)
            device.primary = make_context(deviceId, true);
        device.references++;
        set_current(device.primary);
    });
}

EMU_EXPORT int32_t impl_aclrtResetDevice(int32_t deviceId)
{
    return entry("aclrtResetDevice", [&] {
        Lock lock(state().mutex);
        need_device_id(deviceId);
        Device &device = state().devices[deviceId];
        if (!device.references) {
            violation(8, CODED, "aclrtResetDevice without aclrtSetDevice");
            fail(INVALID_DEVICEID, "the device was not set");
        }
        if (--device.references == 0)
            release_device(lock, deviceId, false, "aclrtResetDevice");
    });
}

EMU_EXPORT int32_t impl_aclrtResetDeviceForce(int32_t deviceId)
{
    return entry("aclrtResetDeviceForce", [&] {
        Lock lock(state().mutex);
        need_device_id(deviceId);
        release_device(lock, deviceId, true, "aclrtResetDeviceForce");
    });
}

EMU_EXPORT int32_t impl_aclrtGetDevice(int32_t *deviceId)
{
    return entry("aclrtGetDevice", [&] {
        Lock lock(state().mutex);
        if (!deviceId)
            fail(PARAM_INVALID, "deviceId is null");
        *deviceId = context()->device;
    });
}

EMU_EXPORT int32_t impl_aclrtGetDeviceInfo(uint32_t deviceId, int32_t attr, int64_t *value)
{
    return entry("aclrtGetDeviceInfo", [&] {
        Lock lock(state().mutex);
        need_device_id(deviceId);
        if (!value)
            fail(PARAM_INVALID, "value is null");
        const std::map<int32_t, int64_t> values = {{1, 6}, {101, 24}, {102, 24}, {201, 48}, {204, 192 << 10},
            {301, static_cast<int64_t>(state().settings.memory)}, {302, 192 << 20}, {501, 0},
            {601, state().settings.product == Product::A950 ? 3510 : 2201}};
        auto found = values.find(attr);
        if (found == values.end())
            fail(PARAM_INVALID, "the attribute is unknown");
        *value = found->second;
    });
}

EMU_EXPORT int32_t impl_aclrtQueryDeviceStatus(int32_t deviceId, int32_t *deviceStatus)
{
    return entry("aclrtQueryDeviceStatus", [&] {
        Lock lock(state().mutex);
        need_device_id(deviceId);
        if (!deviceStatus)
            fail(PARAM_INVALID, "deviceStatus is null");
        *deviceStatus = state().devices[deviceId].fault ? 1 : 0;
    });
}

EMU_EXPORT int32_t impl_aclrtDeviceCanAccessPeer(int32_t *canAccessPeer, int32_t deviceId, int32_t peerDeviceId)
{
    return entry("aclrtDeviceCanAccessPeer", [&] {
        Lock lock(state().mutex);
        need_device_id(deviceId);
        need_device_id(peerDeviceId);
        if (!canAccessPeer || deviceId == peerDeviceId)
            fail(PARAM_INVALID, "an argument is null, or both devices are the same");
        *canAccessPeer = 0;
    });
}

/* Options of a context: kept and given back; operators here are deterministic at every level. */
static void set_option(int32_t opt, int64_t value)
{
    Lock lock(state().mutex);
    if (opt < 0 || opt > 3 || value < 0 || value > 3)
        fail(PARAM_INVALID, "the option or its value is unknown");
    context()->options[opt] = value;
}

static void get_option(int32_t opt, int64_t *value)
{
    Lock lock(state().mutex);
    auto of = context();
    if (!value || !of->options.count(opt))
        fail(value ? 107021 : static_cast<int32_t>(PARAM_INVALID), value ? "the option was not set" : "value is null");
    *value = of->options[opt];
}

EMU_EXPORT int32_t impl_aclrtCtxSetSysParamOpt(int32_t opt, int64_t value)
{
    return entry("aclrtCtxSetSysParamOpt", [&] { set_option(opt, value); });
}

EMU_EXPORT int32_t impl_aclrtCtxGetSysParamOpt(int32_t opt, int64_t *value)
{
    return entry("aclrtCtxGetSysParamOpt", [&] { get_option(opt, value); });
}

EMU_EXPORT int32_t impl_aclrtSetSysParamOpt(int32_t opt, int64_t value)
{
    return entry("aclrtSetSysParamOpt", [&] { set_option(opt, value); });
}

EMU_EXPORT int32_t impl_aclrtGetSysParamOpt(int32_t opt, int64_t *value)
{
    return entry("aclrtGetSysParamOpt", [&] { get_option(opt, value); });
}

EMU_EXPORT int32_t impl_aclrtSetOpExecuteTimeOut(uint32_t timeout)
{
    (void)timeout;
    return entry("aclrtSetOpExecuteTimeOut", [] {});
}

EMU_EXPORT int32_t impl_aclrtSetOpWaitTimeout(uint32_t timeout)
{
    (void)timeout;
    return entry("aclrtSetOpWaitTimeout", [] {});
}

EMU_EXPORT int32_t impl_aclrtSetDeviceSatMode(int32_t mode)
{
    return entry("aclrtSetDeviceSatMode", [&] {
        Lock lock(state().mutex);
        context();
        if (mode < 0 || mode > 1)
            fail(PARAM_INVALID, "mode is 0 or 1");
        if (mode == 0 && state().settings.product == Product::A950)
            fail(FEATURE_NOT_SUPPORT, "950 has INFNAN only");
        if (mode == 0 && state().settings.product != Product::P310)
            fail(FEATURE_NOT_SUPPORT, "saturation is not emulated on this product");
    });
}

EMU_EXPORT int32_t impl_aclrtGetDeviceSatMode(int32_t *mode)
{
    return entry("aclrtGetDeviceSatMode", [&] {
        Lock lock(state().mutex);
        context();
        if (!mode)
            fail(PARAM_INVALID, "mode is null");
        *mode = state().settings.product == Product::P310 ? 0 : 1;
    });
}

EMU_EXPORT int32_t impl_aclrtDeviceGetStreamPriorityRange(int32_t *leastPriority, int32_t *greatestPriority)
{
    return entry("aclrtDeviceGetStreamPriorityRange", [&] {
        if (!leastPriority || !greatestPriority)
            fail(PARAM_INVALID, "an argument is null");
        *leastPriority = 7;
        *greatestPriority = 0;
    });
}

EMU_EXPORT int32_t impl_aclrtCreateContext(void **out, int32_t deviceId)
{
    return entry("aclrtCreateContext", [&] {
        Lock lock(state().mutex);
        need_init();
        need_device_id(deviceId);
        if (!out)
            fail(PARAM_INVALID, "context is null");
        auto made = make_context(deviceId, false);
        set_current(made);
        *out = made->handle;
    });
}

EMU_EXPORT int32_t impl_aclrtDestroyContext(void *handle)
{
    return entry("aclrtDestroyContext", [&] {
        Lock lock(state().mutex);
        auto of = as<Context>(handle, Kind::CONTEXT);
        if (of->primary)
            fail(PARAM_INVALID, "a primary context ends with aclrtResetDevice");
        if (mine.current == of)
            violation(8, UNDEFINED, "the current context is destroyed: this thread keeps a dangling one");
        end_context(lock, of, "aclrtDestroyContext", false);
    });
}

EMU_EXPORT int32_t impl_aclrtSetCurrentContext(void *handle)
{
    return entry("aclrtSetCurrentContext", [&] {
        Lock lock(state().mutex);
        set_current(as<Context>(handle, Kind::CONTEXT));
    });
}

EMU_EXPORT int32_t impl_aclrtGetCurrentContext(void **out)
{
    return entry("aclrtGetCurrentContext", [&] {
        Lock lock(state().mutex);
        if (!out)
            fail(PARAM_INVALID, "context is null");
        *out = context()->handle;
    });
}

EMU_EXPORT int32_t impl_aclrtGetPrimaryCtxState(int32_t deviceId, uint32_t *flags, int32_t *active)
{
    return entry("aclrtGetPrimaryCtxState", [&] {
        Lock lock(state().mutex);
        need_device_id(deviceId);
        if (!active)
            fail(PARAM_INVALID, "active is null");
        if (flags)
            *flags = 0;
        *active = state().devices[deviceId].primary ? 1 : 0;
    });
}

EMU_EXPORT int32_t impl_aclrtCtxGetCurrentDefaultStream(void **out)
{
    return entry("aclrtCtxGetCurrentDefaultStream", [&] {
        Lock lock(state().mutex);
        if (!out)
            fail(PARAM_INVALID, "stream is null");
        auto stream = context()->default_stream;
        if (!stream->handle)
            give_handle(Kind::STREAM, stream);
        *out = stream->handle;
    });
}

int32_t emu_reset(void)
{
    {
        State &s = state();
        Lock lock(s.mutex);
        for (auto &capture : s.captures)
            for (auto &stream : capture->streams)
                stream->capture = nullptr;
        s.captures.clear();
        for (auto &device : s.devices)
            device.fault = device.fault ? device.fault : static_cast<int32_t>(AICORE_EXCEPTION); // lets waiting tasks pass
        while (!s.streams.empty()) {
            auto stream = s.streams.back();
            take_handle(stream->handle);
            close_stream(lock, stream, true);
        }
        forget_memory();
        s.settings = Settings();
        s.initialized = s.finalized = false;
        s.init_count = 0;
        for (auto &device : s.devices)
            device = Device();
        s.host = Clock();
        s.epoch++;
        forget_calls();
    }
    emu_clear();
    for (const char *kind : {"device", "host", "stream", "event", "context", "graph", "tensor", "scalar", "array", "list", "executor",
             "group", "config"}) {
        std::string name = std::string("live.") + kind;
        count(name, -emu_count(name.c_str()));
    }
    for (const char *name : {"bytes.device", "bytes.host", "bytes.device.peak"})
        count(name, -emu_count(name));
    return 0;
}
