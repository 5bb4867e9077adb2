// Settings by key, and the profile that this library was linked for.
#include "core.h"
#include "emulator.h"

#include <cstdlib>

extern "C" const char *const emu_linked_profile; // one of two small objects, chosen by build.sh

namespace emu {

State &state()
{
    static State *one = new State; // never destroyed: workers may outlive static destructors
    return *one;
}

bool profile_8_1()
{
    return std::strcmp(emu_linked_profile, "8.1") == 0;
}

bool strikes(int64_t &in)
{
    return in > 0 && --in == 0;
}

static bool number(const char *text, int64_t &value)
{
    char *end;
    value = std::strtoll(text, &end, 10);
    return *text && !*end && value >= 0;
}

static bool choose_soc(Settings &to, std::string soc)
{
    if (soc.rfind("Ascend", 0) == 0)
        soc = soc.substr(6);
    if (soc.rfind("910_9", 0) == 0 || soc == "A3")
        to.product = Product::A3;
    else if (soc.rfind("910B", 0) == 0 || soc == "A2")
        to.product = Product::A2;
    else if (soc.rfind("950", 0) == 0)
        to.product = Product::A950;
    else if (soc.rfind("310P", 0) == 0)
        to.product = Product::P310;
    else
        return false;
    if (soc == "910B" || soc == "A2")
        soc = "910B3";
    else if (soc == "A3")
        soc = "910_9391";
    else if (soc == "310P")
        soc = "310P3";
    to.soc = "Ascend" + soc;
    return true;
}

static int configure(const std::string &key, const char *value)
{
    Settings &s = state().settings;
    int64_t n = 0;
    if (key == "soc")
        return choose_soc(s, value) ? 0 : 2;
    if (key == "mode") {
        s.strict = !std::strcmp(value, "strict");
        return s.strict || !std::strcmp(value, "real") ? 0 : 2;
    }
    if (key == "fault.missing") {
        if (*value)
            s.missing.insert(value);
        else
            s.missing.clear();
        return 0;
    }
    struct Flag { const char *key; bool *flag; } flags[] = {{"delay.lazy", &s.lazy}, {"poison", &s.poison},
        {"workspace.noise", &s.noise}, {"opcache", &s.op_cache}, {"fault.device", &s.lost}};
    struct Amount { const char *key; uint64_t *amount; } amounts[] = {{"memory", &s.memory}, {"seed", &s.seed},
        {"delay.us", &s.delay_us}, {"workspace.extra", &s.workspace_extra}};
    struct Countdown { const char *key; int64_t *in; } countdowns[] = {{"fault.malloc", &s.malloc_in},
        {"fault.malloc.host", &s.malloc_host_in}, {"fault.launch", &s.launch_in}, {"fault.kernel", &s.kernel_in},
        {"fault.phase1", &s.phase1_in}};
    bool is_number = number(value, n);
    for (auto &f : flags)
        if (key == f.key)
            return is_number && n <= 1 ? *f.flag = n == 1, 0 : 2;
    for (auto &a : amounts)
        if (key == a.key) {
            if (!is_number)
                return 2;
            *a.amount = static_cast<uint64_t>(n);
            for (auto &stream : state().streams)
                stream->random.seed(s.seed * 1000003 + stream->id);
            return 0;
        }
    for (auto &c : countdowns)
        if (key == c.key)
            return is_number ? *c.in = n, 0 : 2;
    if (key == "devices")
        return is_number && n >= 1 && n <= 16 ? s.devices = static_cast<int>(n), 0 : 2;
    return 1;
}

} // namespace emu

int32_t emu_version(void)
{
    return 1;
}

const char *emu_profile(void)
{
    return emu_linked_profile;
}

int32_t emu_configure(const char *key, const char *value)
{
    if (!key || !value)
        return 2;
    emu::Lock lock(emu::state().mutex);
    int result = emu::configure(key, value);
    emu::state().changed.notify_all();
    return result;
}
