// Violations, counters, launches, and the error text of each thread.
#include "core.h"
#include "emulator.h"

#include <cstdarg>
#include <cstdio>
#include <cstdlib>

namespace emu {

namespace {
struct Report {
    std::mutex mutex;
    std::vector<std::string> lines;
    std::string launches;
    std::map<std::string, int64_t> counters;
};
Report &report()
{
    static Report *one = new Report;
    return *one;
}
const size_t MOST_LINES = 2000, MOST_LAUNCH_BYTES = 8u << 20;

thread_local const char *function_now = "";
thread_local std::string error_text, error_returned;
thread_local int32_t last_error = 0;

uint64_t give(const std::string &text, char *buffer, uint64_t size)
{
    if (buffer && size) {
        size_t n = std::min<size_t>(text.size(), size - 1);
        std::memcpy(buffer, text.data(), n);
        buffer[n] = 0;
    }
    return text.size() + 1;
}
} // namespace

void fail(int32_t code, const std::string &text)
{
    throw Status{code, text};
}

std::string format(const char *text, ...)
{
    char buffer[1024];
    va_list arguments;
    va_start(arguments, text);
    vsnprintf(buffer, sizeof buffer, text, arguments);
    va_end(arguments);
    return buffer;
}

int thread_number()
{
    static std::atomic<int> threads{0};
    thread_local int mine = ++threads;
    return mine;
}

const char *current_function()
{
    return function_now;
}

void count(const std::string &name, int64_t by)
{
    Report &r = report();
    std::lock_guard<std::mutex> guard(r.mutex);
    r.counters[name] += by;
    if (name.rfind("launches.", 0) == 0 && r.launches.size() < MOST_LAUNCH_BYTES)
        r.launches += name.substr(9) + "\n";
}

void count_peak(const std::string &name, int64_t value)
{
    Report &r = report();
    std::lock_guard<std::mutex> guard(r.mutex);
    r.counters[name] = std::max(r.counters[name], value);
}

void violation(int rule, Outcome outcome, const std::string &text)
{
    std::string line = format("rule %d: ", rule) + (*function_now ? std::string(function_now) + ": " : "") + text
        + format(" [thread %d]", thread_number());
    {
        Report &r = report();
        std::lock_guard<std::mutex> guard(r.mutex);
        r.counters["violations"]++;
        r.counters["violations." + std::to_string(rule)]++;
        if (r.lines.size() < MOST_LINES)
            r.lines.push_back(line);
    }
    if (outcome == UNDEFINED && state().settings.strict) {
        std::fprintf(stderr, "ascend (emulated), profile %s: %s\n", emu_profile(), line.c_str());
        std::abort();
    }
}

void set_error(int32_t code, const std::string &text)
{
    const char *prefix = code >= 161000 && code < 162000 ? "EZ1001" : code >= 500000 && code < 561000 ? "EE9999"
        : code >= 561000 ? "EZ9999" : "EE1001";
    error_text = std::string(prefix) + ": [emulated] " + (*function_now ? function_now : "?") + ": " + text
        + format(" (code %d)", code);
    last_error = code;
}

int32_t entry(const char *function, const std::function<void()> &body)
{
    function_now = function;
    int32_t code = OK;
    try {
        if (state().settings.lost && std::strncmp(function, "aclDestroy", 10))
            fail(LOST_HEARTBEAT, "the device is lost");
        body();
    } catch (const Status &status) {
        code = status.code;
        set_error(code, status.text);
    }
    function_now = "";
    return code;
}

} // namespace emu

using namespace emu;

int64_t emu_count(const char *name)
{
    Report &r = report();
    std::lock_guard<std::mutex> guard(r.mutex);
    auto found = r.counters.find(name ? name : "");
    if (found != r.counters.end())
        return found->second;
    // A counter of a known family that nothing has counted yet is 0.
    static const char *const families[] = {"launches", "violations", "copies.", "allocations", "bytes.", "live.", "syncs",
        "kernels", "phase1", "refusals", "graph.", "tasks"};
    for (const char *family : families)
        if (name && std::strncmp(name, family, std::strlen(family)) == 0)
            return 0;
    return -1;
}

uint64_t emu_report(char *buffer, uint64_t size)
{
    Report &r = report();
    std::lock_guard<std::mutex> guard(r.mutex);
    std::string all;
    for (auto &line : r.lines)
        all += line + "\n";
    return give(all, buffer, size);
}

uint64_t emu_launches(char *buffer, uint64_t size)
{
    Report &r = report();
    std::lock_guard<std::mutex> guard(r.mutex);
    return give(r.launches, buffer, size);
}

void emu_clear(void)
{
    {
        Report &r = report();
        std::lock_guard<std::mutex> guard(r.mutex);
        r.lines.clear();
        r.launches.clear();
        for (auto &counter : r.counters)
            if (counter.first.rfind("live.", 0) && counter.first.rfind("bytes.", 0))
                counter.second = 0;
        r.counters["bytes.device.peak"] = r.counters["bytes.device"];
    }
    Lock lock(state().mutex);
    Settings &s = state().settings;
    s.malloc_in = s.malloc_host_in = s.launch_in = s.kernel_in = s.phase1_in = 0;
    s.lost = false;
    s.missing.clear();
}

EMU_EXPORT const char *impl_aclGetRecentErrMsg(void)
{
    if (error_text.empty())
        return nullptr;
    error_returned = error_text;
    error_text.clear();
    return error_returned.c_str();
}

EMU_EXPORT int32_t impl_aclrtPeekAtLastError(int32_t level)
{
    return level == 0 ? last_error : INVALID_PARAM;
}

EMU_EXPORT int32_t impl_aclrtGetLastError(int32_t level)
{
    int32_t code = level == 0 ? last_error : INVALID_PARAM;
    last_error = OK;
    return code;
}
