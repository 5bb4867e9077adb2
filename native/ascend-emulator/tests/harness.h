// What the emulator's tests share: functions found in the libraries of a root as a user finds them, a small bench of
// device buffers and tensors, and checks that count.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <functional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#define EMU_EXPORT extern "C"
#include "declarations.h"
#include "prototypes.h"
#include "emulator.h"

extern std::string root;
extern bool old_profile;
extern int failures;
void *symbol(const char *name);
bool has_symbol(const char *library, const char *name);

/* ACL(aclrtMalloc)(…) calls the function that the root's libraries export. */
#define ACL(name) (reinterpret_cast<decltype(&impl_##name)>(symbol(#name)))
#define EMU(name) (reinterpret_cast<decltype(&name)>(symbol(#name)))

#define CHECK(condition)                                                                                                       \
    do {                                                                                                                       \
        if (!(condition)) {                                                                                                    \
            std::printf("  FAILED %s:%d: %s\n", __FILE__, __LINE__, #condition);                                               \
            failures++;                                                                                                        \
        }                                                                                                                      \
    } while (0)
#define EXPECT(code, call)                                                                                                     \
    do {                                                                                                                       \
        int32_t got_ = (call);                                                                                                 \
        if (got_ != (code)) {                                                                                                  \
            const char *text_ = ACL(aclGetRecentErrMsg)();                                                                     \
            std::printf("  FAILED %s:%d: %s is %d, not %d: %s\n", __FILE__, __LINE__, #call, got_, (int)(code), text_ ? text_ : ""); \
            failures++;                                                                                                        \
        }                                                                                                                      \
    } while (0)

enum { F32 = 0, F16 = 1, I8 = 2, I32 = 3, I64 = 9, BOOLEAN = 12, BF16 = 27, E4M3 = 36 };
enum { H2D = 1, D2H = 2, D2D = 3 };

int64_t violations(int rule);
std::string report();

struct Test {
    const char *name;
    std::function<void()> body;
};
std::vector<Test> &tests();
struct Register {
    Register(const char *name, std::function<void()> body) { tests().push_back({name, body}); }
};
#define TEST(name)                                                                                                             \
    static void test_##name();                                                                                                 \
    static Register register_##name(#name, test_##name);                                                                       \
    static void test_##name()

/* Initialised, device 0, a stream. */
struct Bench {
    void *stream = nullptr;
    Bench();
    ~Bench();
    void *alloc(uint64_t bytes);
    void sync() { EXPECT(0, ACL(aclrtSynchronizeStream)(stream)); }
};

size_t bytes_of(int type);
float as_float(int type, const void *at);
void from_float(int type, void *at, float value);
/* A contiguous tensor in device memory of its own. */
struct Dev {
    void *memory = nullptr;
    std::vector<int64_t> dims;
    int type;
    void *tensor = nullptr;
    Dev(Bench &bench, std::vector<int64_t> shape, int dtype, const std::vector<float> &values = {});
    int64_t count() const;
    std::vector<float> get() const;
    /* Another view of the same memory. */
    void *view(std::vector<int64_t> shape, std::vector<int64_t> strides, int64_t offset = 0, int format = 2) const;
};
std::vector<float> random_values(int64_t n, uint32_t seed, float scale = 1, int round_to = F32);
bool close_to(const std::vector<float> &a, const std::vector<double> &b, double tolerance);

/* Phase 1, workspace, phase 2. RUN_OP(bench, aclnnAdd, args...) gives the code of the first phase that fails. */
template <class P1, class P2, class... A> int32_t run_op(Bench &bench, P1 p1, P2 p2, A... arguments)
{
    uint64_t size = 0;
    void *executor = nullptr, *workspace = nullptr;
    if (int32_t code = p1(arguments..., &size, &executor))
        return code;
    if (size)
        workspace = bench.alloc(size);
    return p2(workspace, size, executor, bench.stream);
}
#define RUN_OP(bench, op, ...) run_op(bench, ACL(op##GetWorkspaceSize), ACL(op), __VA_ARGS__)

inline void *list_of(std::vector<void *> tensors)
{
    return ACL(aclCreateTensorList)(tensors.data(), tensors.size());
}
inline void *ints_of(std::vector<int64_t> values)
{
    return ACL(aclCreateIntArray)(values.data(), values.size());
}
inline void *scalar_of(float value)
{
    return ACL(aclCreateScalar)(&value, F32);
}
