// Element by element: arithmetic with broadcasting, scalars, comparisons, activations. Floats are computed in F32, whole
// numbers in I64, DOUBLE in F64.
#include "elements.h"

namespace emu {
namespace {

template <class F> void by_type(int32_t type, F f)
{
    if (type == DOUBLE)
        f(double{});
    else if (is_integer(type))
        f(int64_t{});
    else
        f(float{});
}

/* The type that two operands are computed in, as torch promotes: floats win over whole numbers, wider ones over narrower. */
int32_t promoted(const Tensor &a, const Tensor &b)
{
    if (a.type == b.type)
        return a.type;
    if (a.type == DOUBLE || b.type == DOUBLE)
        return DOUBLE;
    bool fa = !is_integer(a.type), fb = !is_integer(b.type);
    if (fa != fb)
        return fa ? a.type : b.type;
    if (fa)
        return F32;
    return size_of_type(a.type) >= size_of_type(b.type) ? a.type : b.type;
}

template <class T, class F> void zip2(const Tensor &out, const Tensor &x, const Tensor &y, F f)
{
    Tensor a = expand(x, out.dims), b = expand(y, out.dims);
    int64_t n = out.rank() ? out.dims.back() : 1, row = 0;
    std::vector<T> va(n), vb(n);
    for_rows(out, [&](int64_t at, int64_t stride, int64_t count) {
        int64_t sa = a.rank() ? a.strides.back() : 1, sb = b.rank() ? b.strides.back() : 1;
        read_row(a, row_at(a, row), sa, count, va.data());
        read_row(b, row_at(b, row), sb, count, vb.data());
        for (int64_t i = 0; i < count; i++)
            va[i] = f(va[i], vb[i]);
        write_row(out, at, stride, count, va.data());
        row++;
    });
}

template <class T, class F> void map1(const Tensor &out, const Tensor &x, F f)
{
    Tensor a = expand(x, out.dims);
    int64_t n = out.rank() ? out.dims.back() : 1, row = 0;
    std::vector<T> values(n);
    for_rows(out, [&](int64_t at, int64_t stride, int64_t count) {
        read_row(a, row_at(a, row++), a.rank() ? a.strides.back() : 1, count, values.data());
        for (int64_t i = 0; i < count; i++)
            values[i] = f(values[i]);
        write_row(out, at, stride, count, values.data());
    });
}

template <class T, class F> void zip3(const Tensor &out, const Tensor &x, const Tensor &y, const Tensor &z, F f)
{
    Tensor a = expand(x, out.dims), b = expand(y, out.dims), w = expand(z, out.dims);
    int64_t n = out.rank() ? out.dims.back() : 1, row = 0;
    std::vector<T> va(n), vb(n), vc(n);
    auto last = [](const Tensor &t) { return t.rank() ? t.strides.back() : 1; };
    for_rows(out, [&](int64_t at, int64_t stride, int64_t count) {
        read_row(a, row_at(a, row), last(a), count, va.data());
        read_row(b, row_at(b, row), last(b), count, vb.data());
        read_row(w, row_at(w, row), last(w), count, vc.data());
        for (int64_t i = 0; i < count; i++)
            va[i] = f(va[i], vb[i], vc[i]);
        write_row(out, at, stride, count, va.data());
        row++;
    });
}

void need_shape(const Tensor &out, const std::vector<int64_t> &dims)
{
    NEED(out.dims == dims, "out has not the shape of the result: " + out.text());
}

void check_binary(Call &c, const char *self, const char *other, const char *out)
{
    need_shape(c.t(out), broadcast(c.t(self).dims, c.t(other).dims));
}

template <class T> T scalar_as(Call &c, const char *name)
{
    auto &s = c[name].scalar;
    return std::is_integral<T>::value ? static_cast<T>(s.integer) : static_cast<T>(s.real);
}

template <class T> T quotient(T a, T b)
{
    return std::is_integral<T>::value && b == 0 ? 0 : a / b;
}

#define BINARY(op, self, other, out, expression)                                                                               \
    ELEMENTWISE(op) { check_binary(c, self, other, out); }                                                                     \
    RUN(op)                                                                                                                    \
    {                                                                                                                          \
        Tensor &x = c.t(self), &y = c.t(other);                                                                                \
        by_type(promoted(x, y), [&](auto zero) {                                                                               \
            using T [[maybe_unused]] = decltype(zero);                                                                         \
            zip2<T>(c.t(out), x, y, expression);                                                                               \
        });                                                                                                                    \
    }

#define ALPHA scalar_as<T>(c, "alpha")
BINARY(aclnnAdd, "self", "other", "out", ([k = ALPHA](T a, T b) { return a + k * b; }))
BINARY(aclnnInplaceAdd, "selfRef", "other", "selfRef", ([k = ALPHA](T a, T b) { return a + k * b; }))
BINARY(aclnnSub, "self", "other", "out", ([k = ALPHA](T a, T b) { return a - k * b; }))
BINARY(aclnnInplaceSub, "selfRef", "other", "selfRef", ([k = ALPHA](T a, T b) { return a - k * b; }))
BINARY(aclnnMul, "self", "other", "out", ([](T a, T b) { return a * b; }))
BINARY(aclnnInplaceMul, "selfRef", "other", "selfRef", ([](T a, T b) { return a * b; }))

/* A quotient of whole numbers is a float. */
#define QUOTIENT(op, self, out)                                                                                                \
    ELEMENTWISE(op) { check_binary(c, self, "other", out); }                                                                   \
    RUN(op)                                                                                                                    \
    {                                                                                                                          \
        if (promoted(c.t(self), c.t("other")) == DOUBLE)                                                                       \
            zip2<double>(c.t(out), c.t(self), c.t("other"), [](double a, double b) { return a / b; });                         \
        else                                                                                                                   \
            zip2<float>(c.t(out), c.t(self), c.t("other"), [](float a, float b) { return a / b; });                            \
    }
QUOTIENT(aclnnDiv, "self", "out")
QUOTIENT(aclnnInplaceDiv, "selfRef", "selfRef")

#define WITH_SCALAR(op, self, out, expression)                                                                                 \
    ELEMENTWISE(op) { need_shape(c.t(out), c.t(self).dims); }                                                                  \
    RUN(op)                                                                                                                    \
    {                                                                                                                          \
        by_type(is_integer(c.t(self).type) && !is_integer(c["other"].scalar.type) ? static_cast<int32_t>(F32) : c.t(self).type, [&](auto zero) {     \
            using T = decltype(zero);                                                                                          \
            T s = scalar_as<T>(c, "other");                                                                                    \
            map1<T>(c.t(out), c.t(self), expression);                                                                          \
        });                                                                                                                    \
    }
WITH_SCALAR(aclnnAdds, "self", "out", ([s, k = ALPHA](T a) { return a + k * s; }))
WITH_SCALAR(aclnnInplaceAdds, "selfRef", "selfRef", ([s, k = ALPHA](T a) { return a + k * s; }))
WITH_SCALAR(aclnnMuls, "self", "out", ([s](T a) { return a * s; }))
WITH_SCALAR(aclnnInplaceMuls, "selfRef", "selfRef", ([s](T a) { return a * s; }))
WITH_SCALAR(aclnnDivs, "self", "out", ([s](T a) { return quotient(a, s); }))
WITH_SCALAR(aclnnInplaceDivs, "selfRef", "selfRef", ([s](T a) { return quotient(a, s); }))
WITH_SCALAR(aclnnEqScalar, "self", "out", ([s](T a) { return static_cast<T>(a == s); }))
WITH_SCALAR(aclnnInplaceEqScalar, "selfRef", "selfRef", ([s](T a) { return static_cast<T>(a == s); }))
WITH_SCALAR(aclnnGtScalar, "self", "out", ([s](T a) { return static_cast<T>(a > s); }))
WITH_SCALAR(aclnnInplaceGtScalar, "selfRef", "selfRef", ([s](T a) { return static_cast<T>(a > s); }))

#define TERNARY(op, self, x, y, out, setup, expression)                                                                        \
    ELEMENTWISE(op)                                                                                                            \
    {                                                                                                                          \
        need_shape(c.t(out), broadcast(c.t(self).dims, broadcast(c.t(x).dims, c.t(y).dims)));                                  \
    }                                                                                                                          \
    RUN(op)                                                                                                                    \
    {                                                                                                                          \
        by_type(c.t(self).type, [&](auto zero) {                                                                               \
            using T = decltype(zero);                                                                                          \
            setup;                                                                                                             \
            zip3<T>(c.t(out), c.t(self), c.t(x), c.t(y), expression);                                                          \
        });                                                                                                                    \
    }
#define VALUE T v = scalar_as<T>(c, "value")
TERNARY(aclnnAddcmul, "self", "tensor1", "tensor2", "out", VALUE, ([v](T a, T b, T d) { return a + v * b * d; }))
TERNARY(aclnnInplaceAddcmul, "selfRef", "tensor1", "tensor2", "selfRef", VALUE, ([v](T a, T b, T d) { return a + v * b * d; }))
TERNARY(aclnnAddcdiv, "self", "tensor1", "tensor2", "out", VALUE, ([v](T a, T b, T d) { return a + v * quotient(b, d); }))
TERNARY(aclnnInplaceAddcdiv, "selfRef", "tensor1", "tensor2", "selfRef", VALUE, ([v](T a, T b, T d) { return a + v * quotient(b, d); }))
#define NOTHING T unused [[maybe_unused]] = 0
TERNARY(aclnnLerp, "self", "end", "weight", "out", NOTHING, ([](T a, T b, T w) { return a + w * (b - a); }))
TERNARY(aclnnInplaceLerp, "selfRef", "end", "weight", "selfRef", NOTHING, ([](T a, T b, T w) { return a + w * (b - a); }))

#define LERPS(op, self, out)                                                                                                   \
    ELEMENTWISE(op) { check_binary(c, self, "end", out); }                                                                     \
    RUN(op)                                                                                                                    \
    {                                                                                                                          \
        float w = static_cast<float>(c.scalar("weight"));                                                                      \
        zip2<float>(c.t(out), c.t(self), c.t("end"), [w](float a, float b) { return a + w * (b - a); });                       \
    }
LERPS(aclnnLerps, "self", "out")
LERPS(aclnnInplaceLerps, "selfRef", "selfRef")

ELEMENTWISE(aclnnSWhere)
{
    need_shape(c.t("out"), broadcast(c.t("condition").dims, broadcast(c.t("self").dims, c.t("other").dims)));
    NEED(c.t("condition").type == BOOL || c.t("condition").type == UINT8, "condition is BOOL");
}
RUN(aclnnSWhere)
{
    by_type(promoted(c.t("self"), c.t("other")), [&](auto zero) {
        using T = decltype(zero);
        zip3<T>(c.t("out"), c.t("condition"), c.t("self"), c.t("other"), [](T m, T a, T b) { return m != T(0) ? a : b; });
    });
}

ELEMENTWISE(aclnnInplaceMaskedFillScalar)
{
    NEED(c.t("mask").type == BOOL, "mask is BOOL");
    need_shape(c.t("selfRef"), broadcast(c.t("selfRef").dims, c.t("mask").dims));
}
RUN(aclnnInplaceMaskedFillScalar)
{
    by_type(c.t("selfRef").type, [&](auto zero) {
        using T = decltype(zero);
        T v = scalar_as<T>(c, "value");
        zip2<T>(c.t("selfRef"), c.t("selfRef"), c.t("mask"), [v](T a, T m) { return m != T(0) ? v : a; });
    });
}

float sigmoid(float x) { return 1 / (1 + std::exp(-x)); }

#define UNARY(op, self, out, expression)                                                                                       \
    ELEMENTWISE(op) { need_shape(c.t(out), c.t(self).dims); }                                                                  \
    RUN(op) { map1<float>(c.t(out), c.t(self), [](float x) { return expression; }); }
UNARY(aclnnSilu, "self", "out", x * sigmoid(x))
UNARY(aclnnSigmoid, "self", "out", sigmoid(x))
UNARY(aclnnInplaceSigmoid, "selfRef", "selfRef", sigmoid(x))
UNARY(aclnnExp, "self", "out", std::exp(x))
UNARY(aclnnInplaceExp, "selfRef", "selfRef", std::exp(x))
UNARY(aclnnSqrt, "self", "out", std::sqrt(x))
UNARY(aclnnInplaceSqrt, "self", "self", std::sqrt(x))
UNARY(aclnnRsqrt, "self", "out", 1 / std::sqrt(x))
UNARY(aclnnInplaceRsqrt, "selfRef", "selfRef", 1 / std::sqrt(x))
UNARY(aclnnIsFinite, "self", "out", std::isfinite(x) ? 1.f : 0.f)

#define BACKWARD(op, other, out, expression)                                                                                   \
    ELEMENTWISE(op) { check_binary(c, "gradOutput", other, out); }                                                             \
    RUN(op) { zip2<float>(c.t(out), c.t("gradOutput"), c.t(other), [](float g, float x) { return expression; }); }
BACKWARD(aclnnSiluBackward, "self", "gradInput", g * sigmoid(x) * (1 + x * (1 - sigmoid(x))))
BACKWARD(aclnnSigmoidBackward, "output", "gradInput", g * x * (1 - x))

ELEMENTWISE(aclnnCast)
{
    need_shape(c.t("out"), c.t("self").dims);
    NEED(c.i("dtype") == c.t("out").type, "dtype is not out's");
}
void copy_elements(const Tensor &out, const Tensor &self)
{
    Tensor from = expand(self, out.dims);
    if (out.type == from.type && from.contiguous() && out.contiguous())
        std::memmove(out.data(), from.data(), static_cast<size_t>(out.count()) * out.element());
    else if (is_integer(out.type) && is_integer(from.type))
        map1<int64_t>(out, from, [](int64_t x) { return x; });
    else if (out.type == DOUBLE || from.type == DOUBLE || from.type == INT32 || from.type == INT64)
        map1<double>(out, from, [](double x) { return x; });
    else
        map1<float>(out, from, [](float x) { return x; });
}
RUN(aclnnCast)
{
    copy_elements(c.t("out"), c.t("self"));
}

ELEMENTWISE(aclnnInplaceCopy)
{
    need_shape(c.t("selfRef"), broadcast(c.t("selfRef").dims, c.t("src").dims));
}
RUN(aclnnInplaceCopy)
{
    copy_elements(c.t("selfRef"), c.t("src"));
}

OPERATOR(aclnnPermute)
{
    auto &dims = c["dims"].ints;
    Tensor &self = c.t("self");
    NEED(dims.size() == self.dims.size(), "dims has not self's rank");
    std::vector<int64_t> shape;
    std::set<int64_t> seen;
    for (int64_t d : dims) {
        shape.push_back(self.dims[wrap_dim(d, self.rank())]);
        seen.insert(wrap_dim(d, self.rank()));
    }
    NEED(seen.size() == dims.size(), "dims names a dimension twice");
    need_shape(c.t("out"), shape);
    NEED(self.type == c.t("out").type, "the types must agree");
}
RUN(aclnnPermute)
{
    Tensor view = c.t("self");
    auto &dims = c["dims"].ints;
    for (size_t i = 0; i < dims.size(); i++) {
        view.dims[i] = c.t("self").dims[wrap_dim(dims[i], view.rank())];
        view.strides[i] = c.t("self").strides[wrap_dim(dims[i], view.rank())];
    }
    copy_elements(c.t("out"), view);
}

OPERATOR(aclnnCat)
{
    Tensor &out = c.t("out");
    int64_t d = wrap_dim(c.i("dim"), out.rank()), sum = 0;
    for (auto &t : c["tensors"].tensors) {
        NEED(t.rank() == out.rank(), "a tensor has another rank");
        for (int64_t i = 0; i < t.rank(); i++)
            NEED(i == d || t.dims[i] == out.dims[i], "a tensor has another shape");
        sum += t.dims[d];
    }
    NEED(sum == out.dims[d], "out has not the sum of the tensors' sizes");
}
RUN(aclnnCat)
{
    Tensor &out = c.t("out");
    int64_t d = wrap_dim(c.i("dim"), out.rank()), at = 0;
    for (auto &t : c["tensors"].tensors) {
        copy_elements(narrow(out, d, at, t.dims[d]), t);
        at += t.dims[d];
    }
}

void check_split(Call &c)
{
    Tensor &self = c.t("self");
    int64_t d = wrap_dim(c.i("dim"), self.rank()), sum = 0;
    for (auto &t : c["out"].tensors)
        sum += t.dims.at(d);
    NEED(sum == self.dims[d], "the outputs have not self's size");
}
void run_split(Call &c)
{
    Tensor &self = c.t("self");
    int64_t d = wrap_dim(c.i("dim"), self.rank()), at = 0;
    for (auto &t : c["out"].tensors) {
        copy_elements(t, narrow(self, d, at, t.dims[d]));
        at += t.dims[d];
    }
}
OPERATOR(aclnnSplitTensor) { check_split(c); }
RUN(aclnnSplitTensor) { run_split(c); }
OPERATOR(aclnnSplitWithSize) { check_split(c); }
RUN(aclnnSplitWithSize) { run_split(c); }

void fill(const Tensor &t, double real, int64_t integer)
{
    by_type(t.type, [&](auto zero) {
        using T = decltype(zero);
        std::vector<T> row(t.rank() ? t.dims.back() : 1, std::is_integral<T>::value ? static_cast<T>(integer) : static_cast<T>(real));
        for_rows(t, [&](int64_t at, int64_t stride, int64_t n) { write_row(t, at, stride, n, row.data()); });
    });
}
ELEMENTWISE(aclnnInplaceFillScalar) {}
RUN(aclnnInplaceFillScalar) { fill(c.t("selfRef"), c.scalar("value"), c["value"].scalar.integer); }
ELEMENTWISE(aclnnInplaceZero) {}
RUN(aclnnInplaceZero) { fill(c.t("selfRef"), 0, 0); }
ELEMENTWISE(aclnnInplaceOne) {}
RUN(aclnnInplaceOne) { fill(c.t("selfRef"), 1, 1); }

OPERATOR(aclnnArange)
{
    double step = c.scalar("step");
    NEED(step != 0, "step is 0");
    int64_t n = static_cast<int64_t>(std::ceil((c.scalar("end") - c.scalar("start")) / step));
    NEED(c.t("out").rank() == 1 && c.t("out").dims[0] == n, "out has not the range's length");
}
RUN(aclnnArange)
{
    Tensor &out = c.t("out");
    std::vector<double> values(out.count());
    for (size_t i = 0; i < values.size(); i++)
        values[i] = c.scalar("start") + static_cast<double>(i) * c.scalar("step");
    write_all(out, values.data());
}

void run_triangle(const Tensor &out, const Tensor &self, int64_t diagonal, bool upper)
{
    int64_t rows = out.dim(-2), columns = out.dim(-1), row = 0;
    std::vector<float> values(columns);
    for_rows(out, [&](int64_t at, int64_t stride, int64_t n) {
        read_row(self, row_at(self, row), self.stride(-1), n, values.data());
        int64_t r = row++ % rows;
        for (int64_t i = 0; i < n; i++)
            if (upper ? i - r < diagonal : i - r > diagonal)
                values[i] = 0;
        write_row(out, at, stride, n, values.data());
    });
}
#define TRIANGLE(op, self, out, upper)                                                                                         \
    ELEMENTWISE(op)                                                                                                            \
    {                                                                                                                          \
        NEED(c.t(self).rank() >= 2, "a matrix is needed");                                                                     \
        need_shape(c.t(out), c.t(self).dims);                                                                                  \
    }                                                                                                                          \
    RUN(op) { run_triangle(c.t(out), c.t(self), c.i("diagonal"), upper); }
TRIANGLE(aclnnTriu, "self", "out", true)
TRIANGLE(aclnnInplaceTriu, "selfRef", "selfRef", true)
TRIANGLE(aclnnTril, "self", "out", false)
TRIANGLE(aclnnInplaceTril, "selfRef", "selfRef", false)

} // namespace
} // namespace emu
