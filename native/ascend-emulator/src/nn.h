// The operator layer: tensors as descriptors of device memory, the arguments of a call, and what an operator is.
#pragma once

#include "core.h"

namespace emu {

enum DType : int32_t {
    F32 = 0, F16 = 1, INT8 = 2, INT32 = 3, UINT8 = 4, INT16 = 6, UINT16 = 7, UINT32 = 8, INT64 = 9, UINT64 = 10, DOUBLE = 11,
    BOOL = 12, COMPLEX64 = 16, COMPLEX128 = 17, BF16 = 27, INT4 = 29, COMPLEX32 = 33, HIF8 = 34, F8_E5M2 = 35, F8_E4M3FN = 36,
    F8_E8M0 = 37, F4_E2M1 = 40, F4_E1M2 = 41,
};
enum Format : int32_t { ND = 2, FRACTAL_NZ = 29 };

constexpr uint64_t bit(int32_t type) { return uint64_t{1} << type; }
const char *name_of_type(int32_t type);
size_t size_of_type(int32_t type);
bool is_float(int32_t type);   // F32, F16, BF16: what operators compute in F32
bool is_integer(int32_t type); // and BOOL

struct Tensor : Object {
    std::vector<int64_t> dims, strides, storage;
    int64_t offset = 0;
    int32_t type = 0, format = ND;
    uint64_t address = 0;

    int64_t rank() const { return static_cast<int64_t>(dims.size()); }
    int64_t dim(int64_t i) const { return dims[i < 0 ? i + rank() : i]; }
    int64_t stride(int64_t i) const { return strides[i < 0 ? i + rank() : i]; }
    int64_t count() const;
    size_t element() const { return size_of_type(type); }
    bool contiguous() const;
    /* First and one past the last element that the view reaches, relative to the storage. */
    int64_t first() const;
    int64_t last() const;
    uint8_t *data() const { return backing(address) + offset * static_cast<int64_t>(element()); }
    std::string text() const;
};

struct Scalar : Object {
    int32_t type = 0;
    double real = 0;
    int64_t integer = 0;
};
struct Array : Object {
    std::vector<int64_t> values;
};
struct List : Object {
    std::vector<void *> items;
};

enum class Role : uint8_t { IN, OUT, INOUT, NONE };
struct Parameter {
    const char *name, *kind; // kind as in abi/operators.txt
    Role role;
    bool optional;
    uint64_t types;   // bits of allowed dtypes, 0: not tabled
    const char *same; // name of the parameter whose dtype it has, or null
};
struct Raw { // an argument as it came through the C interface
    const void *p = nullptr;
    int64_t i = 0;
    double d = 0;
    Raw(const void *value) : p(value) {}
    Raw(int8_t value) : i(value) {}
    Raw(int32_t value) : i(value) {}
    Raw(int64_t value) : i(value) {}
    Raw(uint64_t value) : i(static_cast<int64_t>(value)) {}
    Raw(bool value) : i(value) {}
    Raw(double value) : d(value) {}
    Raw(float value) : d(value) {}
};

struct Argument {
    const Parameter *parameter = nullptr;
    bool given = false;
    std::vector<Tensor> tensors;        // one, or those of a list
    std::vector<void *> handles;        // of the tensors, and of the list, scalar or array
    std::vector<int64_t> ints;
    Scalar scalar;
    int64_t i = 0;
    double d = 0;
    std::string text;
};

struct Operator;
struct Kernel { // how an operator checks its arguments (phase 1) and what it computes (on a worker)
    void (*check)(Call &);
    void (*run)(Call &);
    bool elementwise; // may write over an input that is exactly its output; needs no workspace
};
struct Operator {
    const char *name, *library, *products; // products as in abi/operators.txt, "" if all
    const Parameter *parameters;
    size_t count;
};

struct Call {
    const Operator *op = nullptr;
    const Kernel *kernel = nullptr;
    std::vector<Argument> arguments;
    uint64_t workspace_bytes = 0, workspace = 0;
    int kernels = 1;
    std::set<std::string> by_itself; // parameters whose accesses the kernel reports itself
    const Task *task = nullptr;

    Argument &operator[](const char *name);
    bool has(const char *name) { return (*this)[name].given; }
    bool knows(const char *name) const; // some versions of an operator have parameters that others lack
    Tensor &t(const char *name);
    double scalar(const char *name) { return (*this)[name].scalar.real; }
    int64_t i(const char *name) { return (*this)[name].i; }
    double d(const char *name) { return (*this)[name].d; }
    /* A kernel's own report of what it touches, for the search for races. */
    void touch(const Tensor &of, int64_t from_element, int64_t elements, bool write);
};

int32_t phase1(const Operator &op, const Raw *raw, uint64_t *workspace, void **executor);
int32_t phase2(const Operator &op, void *workspace, uint64_t size, void *executor, void *stream);

struct Registration {
    Registration(const char *name, Kernel kernel);
};
/*
 * OPERATOR(aclnnX) { …checks… } RUN { …computes… }: both see the call as c. NEED and LIMIT refuse in phase 1: wrong
 * arguments (161002), what the fused kernel has no tiling for (561002).
 */
#define OPERATOR_WITH(op, elementwise)                                                                                         \
    static void check_##op(Call &);                                                                                            \
    static void run_##op(Call &);                                                                                              \
    static const Registration registration_##op(#op, {check_##op, run_##op, elementwise});                                     \
    static void check_##op([[maybe_unused]] Call &c)
#define OPERATOR(op) OPERATOR_WITH(op, false)
#define ELEMENTWISE(op) OPERATOR_WITH(op, true)
#define RUN(op) static void run_##op([[maybe_unused]] Call &c)
#define NEED(condition, text)                                                                                                  \
    do {                                                                                                                       \
        if (!(condition))                                                                                                      \
            fail(NN_PARAM_INVALID, text);                                                                                      \
    } while (0)
#define LIMIT(condition, text)                                                                                                 \
    do {                                                                                                                       \
        if (!(condition))                                                                                                      \
            fail(NN_INNER_TILING, text);                                                                                       \
    } while (0)

/* A bad index on the device. */
[[noreturn]] void bad_index(const char *what, int64_t value, int64_t limit);

} // namespace emu
