// Along dimensions: sums, norms, maxima, softmax, running sums, cross entropy. Sums of 16-bit floats in F32.
#include "elements.h"

#include <numeric>

namespace emu {
namespace {

/* Which dimensions go; empty means all. */
std::vector<bool> reduced(const Tensor &t, const std::vector<int64_t> &dims)
{
    std::vector<bool> gone(t.rank(), dims.empty());
    for (int64_t d : dims)
        gone[wrap_dim(d, t.rank())] = true;
    return gone;
}

void check_reduction(const Tensor &self, const Tensor &out, const std::vector<int64_t> &dims, bool keep)
{
    auto gone = reduced(self, dims);
    std::vector<int64_t> shape;
    for (int64_t i = 0; i < self.rank(); i++)
        if (!gone[i] || keep)
            shape.push_back(gone[i] ? 1 : self.dims[i]);
    NEED(out.dims == shape, "out has not the shape of the reduction: " + out.text());
}

/* Folds self over the dimensions that go, in row-major order: f(accumulator, value). */
template <class T, class F> std::vector<T> fold(const Tensor &self, const std::vector<int64_t> &dims, T start, F f)
{
    auto gone = reduced(self, dims);
    std::vector<int64_t> step(self.rank(), 0);
    int64_t size = 1;
    for (int64_t i = self.rank() - 1; i >= 0; i--)
        if (!gone[i]) {
            step[i] = size;
            size *= self.dims[i];
        }
    std::vector<T> result(size, start), row(self.rank() ? self.dims.back() : 1);
    std::vector<int64_t> index(self.rank(), 0);
    int64_t r = 0;
    for_rows(self, [&](int64_t at, int64_t stride, int64_t n) {
        read_row(self, at, stride, n, row.data());
        int64_t to = 0, rest = r++;
        for (int64_t i = self.rank() - 2; i >= 0; i--) {
            to += rest % self.dims[i] * step[i];
            rest /= self.dims[i];
        }
        int64_t last = self.rank() ? step.back() : 0;
        for (int64_t i = 0; i < n; i++)
            result[to + i * last] = f(result[to + i * last], row[i]);
    });
    return result;
}

template <class F> void sum_into(Call &c, const std::vector<int64_t> &dims, F transform, double scale)
{
    Tensor &self = c.t("self"), &out = c.t("out");
    if (is_integer(self.type) && is_integer(out.type)) {
        auto sum = fold<int64_t>(self, dims, 0, [](int64_t a, int64_t v) { return a + v; });
        write_all(out, sum.data());
        return;
    }
    auto sum = fold<double>(self, dims, 0.0, [&](double a, double v) { return a + transform(v); }); // wider than F32: no worse
    for (double &v : sum)
        v *= scale;
    write_all(out, sum.data());
}

int64_t size_of(const Tensor &self, const std::vector<int64_t> &dims)
{
    auto gone = reduced(self, dims);
    int64_t n = 1;
    for (int64_t i = 0; i < self.rank(); i++)
        n *= gone[i] ? self.dims[i] : 1;
    return n;
}

#define SUM(op, dims, keep, transform, scale)                                                                                  \
    OPERATOR(op)                                                                                                               \
    {                                                                                                                          \
        check_reduction(c.t("self"), c.t("out"), c[dims].ints, c.i(keep) != 0);                                                \
        NEED(c.i("dtype") == c.t("out").type, "dtype is not out's");                                                           \
    }                                                                                                                          \
    RUN(op) { sum_into(c, c[dims].ints, [](double v) { return transform; }, scale); }
SUM(aclnnReduceSum, "dims", "keepDims", v, 1)
SUM(aclnnReduceNansum, "dim", "keepDim", std::isnan(v) ? 0 : v, 1)
SUM(aclnnMean, "dim", "keepDim", v, 1.0 / static_cast<double>(size_of(c.t("self"), c["dim"].ints)))

OPERATOR(aclnnNorm)
{
    check_reduction(c.t("self"), c.t("out"), c["dim"].ints, c.i("keepdim") != 0);
    NEED(is_float(c.t("out").type), "out is a float type");
}
RUN(aclnnNorm)
{
    double p = c.scalar("pScalar");
    Tensor &self = c.t("self");
    std::vector<double> result;
    if (std::isinf(p) && p > 0)
        result = fold<double>(self, c["dim"].ints, 0.0, [](double a, double v) { return std::max(a, std::fabs(v)); });
    else {
        result = fold<double>(self, c["dim"].ints, 0.0, [p](double a, double v) {
            return a + (p == 2 ? v * v : p == 1 ? std::fabs(v) : p == 0 ? (v != 0) : std::pow(std::fabs(v), p));
        });
        for (double &v : result)
            v = p == 2 ? std::sqrt(v) : p == 1 || p == 0 ? v : std::pow(v, 1 / p);
    }
    write_all(c.t("out"), result.data());
}

OPERATOR(aclnnAmax)
{
    check_reduction(c.t("self"), c.t("out"), c["dim"].ints, c.i("keepDim") != 0);
    NEED(c.t("self").type == c.t("out").type, "the types must agree");
}
RUN(aclnnAmax)
{
    auto top = fold<double>(c.t("self"), c["dim"].ints, -std::numeric_limits<double>::infinity(),
        [](double a, double v) { return std::isnan(a) || v <= a ? a : v; });
    write_all(c.t("out"), top.data());
}

/* The tensor with dimension d last, so that rows run along it. */
Tensor along(const Tensor &t, int64_t d)
{
    Tensor out = t;
    if (!t.rank())
        return out;
    d = wrap_dim(d, t.rank());
    out.dims.erase(out.dims.begin() + d);
    out.strides.erase(out.strides.begin() + d);
    out.dims.push_back(t.dims[d]);
    out.strides.push_back(t.strides[d]);
    return out;
}

struct Best {
    std::vector<int64_t> indices;
    std::vector<double> values;
};
Best best(const Tensor &self, int64_t d)
{
    Best b;
    Tensor t = along(self, d);
    std::vector<double> row(t.rank() ? t.dims.back() : 1);
    for_rows(t, [&](int64_t at, int64_t stride, int64_t n) {
        read_row(t, at, stride, n, row.data());
        int64_t top = 0;
        for (int64_t i = 1; i < n; i++)
            if (row[i] > row[top] || (std::isnan(row[i]) && !std::isnan(row[top])))
                top = i;
        b.indices.push_back(top);
        b.values.push_back(row[top]);
    });
    return b;
}

OPERATOR(aclnnArgMax) { check_reduction(c.t("self"), c.t("out"), {c.i("dim")}, c.i("keepdim") != 0); }
RUN(aclnnArgMax) { write_all(c.t("out"), best(c.t("self"), c.i("dim")).indices.data()); }

OPERATOR(aclnnMaxDim)
{
    check_reduction(c.t("self"), c.t("out"), {c.i("dim")}, c.i("keepdim") != 0);
    NEED(c.t("indices").dims == c.t("out").dims && c.t("out").type == c.t("self").type, "out and indices have one shape");
}
RUN(aclnnMaxDim)
{
    Best b = best(c.t("self"), c.i("dim"));
    write_all(c.t("out"), b.values.data());
    write_all(c.t("indices"), b.indices.data());
}

/* Runs f(row, n) over copies of rows of `from` along a dimension into `to`; with a second input where there is one. */
template <class F> void rows_along(const Tensor &to_t, const Tensor &from_t, int64_t d, F f, const Tensor *second = nullptr)
{
    Tensor to = along(to_t, d), from = along(from_t, d), other = second ? along(*second, d) : from;
    int64_t n = to.rank() ? to.dims.back() : 1, r = 0;
    std::vector<float> row(n), more(n);
    for_rows(to, [&](int64_t at, int64_t stride, int64_t) {
        read_row(from, row_at(from, r), from.rank() ? from.strides.back() : 1, n, row.data());
        if (second)
            read_row(other, row_at(other, r), other.rank() ? other.strides.back() : 1, n, more.data());
        f(row.data(), more.data(), n);
        write_row(to, at, stride, n, row.data());
        r++;
    });
}

void softmax(float *row, const float *, int64_t n)
{
    float top = *std::max_element(row, row + n), sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += row[i] = std::exp(row[i] - top);
    for (int64_t i = 0; i < n; i++)
        row[i] /= sum;
}

void log_softmax(float *row, const float *, int64_t n)
{
    float top = *std::max_element(row, row + n);
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += std::exp(row[i] - top);
    float log = top + static_cast<float>(std::log(sum));
    for (int64_t i = 0; i < n; i++)
        row[i] -= log;
}

void softmax_backward(float *grad, const float *output, int64_t n)
{
    float sum = dot(grad, output, n);
    for (int64_t i = 0; i < n; i++)
        grad[i] = output[i] * (grad[i] - sum);
}

void log_softmax_backward(float *grad, const float *output, int64_t n)
{
    float sum = std::accumulate(grad, grad + n, 0.f);
    for (int64_t i = 0; i < n; i++)
        grad[i] -= std::exp(output[i]) * sum;
}

void need_like(Call &c, const char *a, const char *b)
{
    NEED(c.t(a).dims == c.t(b).dims, std::string(a) + " and " + b + " have different shapes");
    wrap_dim(c.i("dim"), c.t(a).rank());
}

OPERATOR(aclnnSoftmax) { need_like(c, "out", "self"); }
RUN(aclnnSoftmax) { rows_along(c.t("out"), c.t("self"), c.i("dim"), softmax); }
OPERATOR(aclnnLogSoftmax) { need_like(c, "out", "self"); }
RUN(aclnnLogSoftmax) { rows_along(c.t("out"), c.t("self"), c.i("dim"), log_softmax); }
OPERATOR(aclnnSoftmaxBackward)
{
    need_like(c, "gradOutput", "output");
    need_like(c, "out", "output");
}
RUN(aclnnSoftmaxBackward) { rows_along(c.t("out"), c.t("gradOutput"), c.i("dim"), softmax_backward, &c.t("output")); }
OPERATOR(aclnnLogSoftmaxBackward)
{
    need_like(c, "gradOutput", "output");
    need_like(c, "out", "output");
}
RUN(aclnnLogSoftmaxBackward) { rows_along(c.t("out"), c.t("gradOutput"), c.i("dim"), log_softmax_backward, &c.t("output")); }

OPERATOR(aclnnCumsum)
{
    need_like(c, "out", "self");
    NEED(c.i("dtype") == c.t("out").type, "dtype is not out's");
}
RUN(aclnnCumsum)
{
    Tensor to = along(c.t("out"), c.i("dim")), from = along(c.t("self"), c.i("dim"));
    bool whole = is_integer(from.type) && is_integer(to.type);
    int64_t r = 0, n = from.dims.back();
    std::vector<double> row(n);
    std::vector<int64_t> ints(n);
    for_rows(to, [&](int64_t at, int64_t stride, int64_t) {
        int64_t start = row_at(from, r++);
        if (whole) {
            read_row(from, start, from.strides.back(), n, ints.data());
            std::partial_sum(ints.begin(), ints.end(), ints.begin());
            write_row(to, at, stride, n, ints.data());
        } else {
            read_row(from, start, from.strides.back(), n, row.data());
            std::partial_sum(row.begin(), row.end(), row.begin());
            write_row(to, at, stride, n, row.data());
        }
    });
}

OPERATOR(aclnnCrossEntropyLoss)
{
    Tensor &x = c.t("input"), &log = c.t("logProbOut");
    const std::string &how = c["reductionOptional"].text;
    LIMIT(state().settings.product == Product::A2 || state().settings.product == Product::A3 || state().settings.product == Product::A950, "A2 and later");
    NEED(x.rank() == 2 && c.t("target").rank() == 1 && c.t("target").dims[0] == x.dims[0] && log.dims == x.dims, "input is (N, C), target (N)");
    NEED(how.empty() || how == "mean" || how == "sum" || how == "none", "reduction is mean, sum or none");
    NEED(c.t("lossOut").count() == (how == "none" ? x.dims[0] : 1), "lossOut has not the reduction's shape");
    NEED(c.d("labelSmoothing") >= 0 && c.d("labelSmoothing") <= 1, "labelSmoothing is 0 to 1");
    NEED(!c.i("returnZloss") && c.d("lseSquareScaleForZloss") == 0, "the z-loss is not emulated");
}
RUN(aclnnCrossEntropyLoss)
{
    Tensor &x = c.t("input");
    int64_t rows = x.dims[0], classes = x.dims[1], ignored = c.i("ignoreIndex");
    const std::string how = c["reductionOptional"].text;
    auto log = floats(x);
    auto target = integers(c.t("target"));
    std::vector<float> weight(classes, 1.f), loss(rows, 0.f);
    if (c.has("weightOptional"))
        weight = floats(c.t("weightOptional"));
    double smoothing = c.d("labelSmoothing"), sum = 0, weights = 0;
    for (int64_t r = 0; r < rows; r++) {
        log_softmax(&log[r * classes], nullptr, classes);
        if (target[r] == ignored)
            continue;
        if (target[r] < 0 || target[r] >= classes)
            bad_index("a target", target[r], classes);
        double w = weight[target[r]], l = -w * log[r * classes + target[r]] * (1 - smoothing);
        for (int64_t i = 0; smoothing > 0 && i < classes; i++)
            l -= smoothing / static_cast<double>(classes) * weight[i] * log[r * classes + i];
        loss[r] = static_cast<float>(l);
        sum += l;
        weights += w;
    }
    write_all(c.t("logProbOut"), log.data());
    if (how == "none") {
        write_all(c.t("lossOut"), loss.data());
    } else {
        double total = how == "sum" ? sum : sum / weights;
        write_all(c.t("lossOut"), &total);
    }
}

OPERATOR(aclnnCrossEntropyLossGrad)
{
    Tensor &log = c.t("logProb");
    NEED(log.rank() == 2 && c.t("target").dims == (std::vector<int64_t>{log.dims[0]}) && c.t("out").dims == log.dims, "logProb and out are (N, C)");
    NEED(c.d("labelSmoothing") == 0, "gradients with label smoothing are not emulated");
    NEED(c.d("lseSquareScaleForZloss") == 0, "the z-loss is not emulated");
    NEED(c.t("gradLoss").count() == (c["reductionOptional"].text == "none" ? log.dims[0] : 1), "gradLoss has not the reduction's shape");
}
RUN(aclnnCrossEntropyLossGrad)
{
    Tensor &log_t = c.t("logProb");
    int64_t rows = log_t.dims[0], classes = log_t.dims[1], ignored = c.i("ignoreIndex");
    const std::string how = c["reductionOptional"].text;
    auto grad = floats(c.t("gradLoss")), log = floats(log_t);
    auto target = integers(c.t("target"));
    std::vector<float> weight(classes, 1.f);
    if (c.has("weightOptional"))
        weight = floats(c.t("weightOptional"));
    double weights = 0;
    for (int64_t t : target)
        if (t != ignored) {
            if (t < 0 || t >= classes)
                bad_index("a target", t, classes);
            weights += weight[t];
        }
    for (int64_t r = 0; r < rows; r++) {
        float *row = &log[r * classes];
        if (target[r] == ignored) {
            std::fill(row, row + classes, 0.f);
            continue;
        }
        double g = how == "none" ? grad[r] : how == "sum" ? grad[0] : grad[0] / weights;
        float scale = static_cast<float>(g * weight[target[r]]);
        for (int64_t i = 0; i < classes; i++)
            row[i] = scale * std::exp(row[i]);
        row[target[r]] -= scale;
    }
    write_all(c.t("out"), log.data());
}

} // namespace
} // namespace emu
