#include "harness.h"

std::string root;
bool old_profile;
int failures = 0;

static std::vector<void *> libraries;

std::vector<Test> &tests()
{
    static std::vector<Test> all;
    return all;
}

static void open_library(const char *name)
{
    std::string path = root + "/lib64/" + name;
    void *library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        std::printf("%s\n", dlerror());
        std::exit(1);
    }
    libraries.push_back(library);
}

void *symbol(const char *name)
{
    for (void *library : libraries)
        if (void *found = dlsym(library, name))
            return found;
    std::printf("  no symbol %s in %s\n", name, root.c_str());
    std::exit(1);
}

bool has_symbol(const char *library, const char *name)
{
    void *opened = dlopen((root + "/lib64/" + library).c_str(), RTLD_NOW | RTLD_LOCAL);
    return opened && dlsym(opened, name);
}

int64_t violations(int rule)
{
    return EMU(emu_count)(("violations." + std::to_string(rule)).c_str());
}

std::string report()
{
    std::string text(EMU(emu_report)(nullptr, 0), 0);
    EMU(emu_report)(&text[0], text.size());
    text.pop_back();
    return text;
}

Bench::Bench()
{
    int32_t code = ACL(aclInit)(nullptr);
    CHECK(code == 0 || code == 100002);
    EXPECT(0, ACL(aclrtSetDevice)(0));
    EXPECT(0, ACL(aclrtCreateStream)(&stream));
}

Bench::~Bench() {}

void *Bench::alloc(uint64_t bytes)
{
    void *memory = nullptr;
    EXPECT(0, ACL(aclrtMalloc)(&memory, bytes ? bytes : 1, 0));
    return memory;
}

size_t bytes_of(int type)
{
    return ACL(aclDataTypeSize)(type);
}

float as_float(int type, const void *at)
{
    switch (type) {
    case F32: { float v; std::memcpy(&v, at, 4); return v; }
    case F16: { _Float16 v; std::memcpy(&v, at, 2); return (float)v; }
    case I8: case BOOLEAN: return *(const int8_t *)at;
    case I32: { int32_t v; std::memcpy(&v, at, 4); return (float)v; }
    case I64: { int64_t v; std::memcpy(&v, at, 8); return (float)v; }
    default: { uint16_t h; std::memcpy(&h, at, 2); uint32_t w = (uint32_t)h << 16; float v; std::memcpy(&v, &w, 4); return v; }
    }
}

void from_float(int type, void *at, float value)
{
    switch (type) {
    case F32: std::memcpy(at, &value, 4); return;
    case F16: { _Float16 v = (_Float16)value; std::memcpy(at, &v, 2); return; }
    case I8: case BOOLEAN: *(int8_t *)at = (int8_t)value; return;
    case I32: { int32_t v = (int32_t)value; std::memcpy(at, &v, 4); return; }
    case I64: { int64_t v = (int64_t)value; std::memcpy(at, &v, 8); return; }
    default: {
        uint32_t w;
        std::memcpy(&w, &value, 4);
        uint16_t h = (uint16_t)((w + 0x7fff + (w >> 16 & 1)) >> 16);
        std::memcpy(at, &h, 2);
    }
    }
}

Dev::Dev(Bench &bench, std::vector<int64_t> shape, int dtype, const std::vector<float> &values) : dims(shape), type(dtype)
{
    uint64_t size = (uint64_t)count() * bytes_of(type);
    memory = bench.alloc(size);
    if (!values.empty()) {
        std::vector<uint8_t> raw(size);
        for (int64_t i = 0; i < count(); i++)
            from_float(type, &raw[i * bytes_of(type)], values[i]);
        EXPECT(0, ACL(aclrtMemcpy)(memory, size, raw.data(), size, H2D));
    }
    tensor = view(dims, {});
}

int64_t Dev::count() const
{
    int64_t n = 1;
    for (int64_t d : dims)
        n *= d;
    return n;
}

std::vector<float> Dev::get() const
{
    uint64_t size = (uint64_t)count() * bytes_of(type);
    std::vector<uint8_t> raw(size);
    EXPECT(0, ACL(aclrtMemcpy)(raw.data(), size, memory, size, D2H));
    std::vector<float> values(count());
    for (int64_t i = 0; i < count(); i++)
        values[i] = as_float(type, &raw[i * bytes_of(type)]);
    return values;
}

void *Dev::view(std::vector<int64_t> shape, std::vector<int64_t> strides, int64_t offset, int format) const
{
    int64_t storage = count();
    return ACL(aclCreateTensor)(shape.data(), shape.size(), type, strides.empty() ? nullptr : strides.data(), offset, format, &storage, 1, memory);
}

std::vector<float> random_values(int64_t n, uint32_t seed, float scale, int round_to)
{
    std::mt19937 random(seed);
    std::normal_distribution<float> normal(0, scale);
    std::vector<float> values(n);
    for (float &v : values) {
        v = normal(random);
        uint8_t raw[8];
        from_float(round_to, raw, v);
        v = as_float(round_to, raw);
    }
    return values;
}

bool close_to(const std::vector<float> &a, const std::vector<double> &b, double tolerance)
{
    if (a.size() != b.size())
        return false;
    double top = 1e-30;
    for (double v : b)
        top = std::max(top, std::fabs(v));
    for (size_t i = 0; i < a.size(); i++)
        if (!(std::fabs(a[i] - b[i]) <= tolerance * top)) {
            std::printf("  element %zu: %g, expected %g\n", i, a[i], b[i]);
            return false;
        }
    return true;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        std::printf("usage: %s ROOT 8.1|head [TEST]\n", argv[0]);
        return 2;
    }
    root = argv[1];
    old_profile = std::string(argv[2]) == "8.1";
    open_library("libascendcl.so");
    open_library("libnnopbase.so");
    if (old_profile) {
        open_library("libopapi.so");
    } else {
        for (const char *name : {"libopapi_math.so", "libopapi_nn.so", "libopapi_transformer.so"})
            open_library(name);
    }
    int run = 0;
    for (auto &test : tests()) {
        if (argc > 3 && !std::strstr(test.name, argv[3]))
            continue;
        EMU(emu_reset)();
        int before = failures;
        test.body();
        if (failures > before)
            std::printf("%s %s FAILED\n%s", argv[2], test.name, report().c_str());
        run++;
    }
    std::printf("%s: %d tests, %d failed checks\n", argv[2], run, failures);
    return failures != 0;
}
