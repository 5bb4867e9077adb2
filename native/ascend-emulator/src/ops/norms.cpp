// RMS norms and SwiGLU, forward and backward. Sums and products in F32.
#include "elements.h"

namespace emu {
namespace {

void check_norm(Call &c, const char *x_name, const char *gamma_name, const char *rstd_name)
{
    Tensor &x = c.t(x_name), &gamma = c.t(gamma_name), &rstd = c.t(rstd_name);
    NEED(gamma.rank() >= 1 && gamma.rank() <= x.rank(), "gamma has more dimensions than x");
    int64_t lead = x.rank() - gamma.rank();
    for (int64_t i = 0; i < gamma.rank(); i++)
        NEED(gamma.dims[i] == x.dims[lead + i], "gamma has not x's last dimensions");
    NEED(gamma.type == x.type || gamma.type == F32, "gamma has x's type or FLOAT");
    NEED(rstd.type == F32 && rstd.count() == x.count() / std::max<int64_t>(1, gamma.count()), "rstd is FLOAT, one a row");
}

int64_t width(const Tensor &gamma) { return gamma.count(); }

/* y = x rstd gamma, by rows of gamma's size. */
void normalise(std::vector<float> x, const Tensor &y, const Tensor &gamma, const Tensor &rstd_out, double epsilon)
{
    int64_t n = width(gamma), rows = n ? static_cast<int64_t>(x.size()) / n : 0;
    auto g = floats(gamma);
    std::vector<float> rstd(rows);
    for (int64_t r = 0; r < rows; r++) {
        float *row = &x[r * n];
        rstd[r] = 1 / std::sqrt(dot(row, row, n) / static_cast<float>(n) + static_cast<float>(epsilon));
        for (int64_t i = 0; i < n; i++)
            row[i] = row[i] * rstd[r] * g[i];
    }
    write_all(y, x.data());
    write_all(rstd_out, rstd.data());
}

OPERATOR(aclnnRmsNorm)
{
    check_norm(c, "x", "gamma", "rstdOut");
    NEED(c.t("yOut").dims == c.t("x").dims && c.t("yOut").type == c.t("x").type, "yOut is like x");
}
RUN(aclnnRmsNorm)
{
    normalise(floats(c.t("x")), c.t("yOut"), c.t("gamma"), c.t("rstdOut"), c.d("epsilon"));
}

std::vector<float> rounded_sum(const Tensor &a, const Tensor &b)
{
    auto x = floats(a), y = floats(b);
    for (size_t i = 0; i < x.size(); i++)
        x[i] += y[i];
    return x;
}

OPERATOR(aclnnAddRmsNorm)
{
    check_norm(c, "x1", "gamma", "rstdOut");
    for (const char *name : {"x2", "yOut", "xOut"})
        NEED(c.t(name).dims == c.t("x1").dims && c.t(name).type == c.t("x1").type, std::string(name) + " is like x1");
}
RUN(aclnnAddRmsNorm)
{
    auto sum = rounded_sum(c.t("x1"), c.t("x2"));
    write_all(c.t("xOut"), sum.data());
    normalise(std::move(sum), c.t("yOut"), c.t("gamma"), c.t("rstdOut"), c.d("epsilon"));
}

OPERATOR(aclnnInplaceAddRmsNorm)
{
    check_norm(c, "x1Ref", "gamma", "rstdOut");
    NEED(c.t("x2Ref").dims == c.t("x1Ref").dims && c.t("x2Ref").type == c.t("x1Ref").type, "x2Ref is like x1Ref");
    NEED(c.t("x1Ref").contiguous() && c.t("x2Ref").contiguous(), "x1Ref and x2Ref are contiguous");
}
RUN(aclnnInplaceAddRmsNorm)
{
    auto sum = rounded_sum(c.t("x1Ref"), c.t("x2Ref"));
    write_all(c.t("x2Ref"), sum.data());
    normalise(std::move(sum), c.t("x1Ref"), c.t("gamma"), c.t("rstdOut"), c.d("epsilon"));
}

OPERATOR(aclnnRmsNormGrad)
{
    check_norm(c, "x", "gamma", "rstd");
    NEED(c.t("dy").dims == c.t("x").dims && c.t("dxOut").dims == c.t("x").dims && c.t("dxOut").type == c.t("x").type, "dy and dxOut are like x");
    NEED(c.t("dgammaOut").type == F32 && c.t("dgammaOut").dims == c.t("gamma").dims, "dgammaOut is FLOAT and shaped like gamma");
}
RUN(aclnnRmsNormGrad)
{
    auto dy = floats(c.t("dy")), x = floats(c.t("x")), g = floats(c.t("gamma")), rstd = floats(c.t("rstd"));
    int64_t n = width(c.t("gamma"));
    std::vector<float> dgamma(n, 0.f), scaled(n);
    for (size_t r = 0; r < rstd.size(); r++) {
        float *row = &x[r * n], *d = &dy[r * n];
        for (int64_t i = 0; i < n; i++) {
            dgamma[i] += d[i] * row[i] * rstd[r];
            scaled[i] = d[i] * g[i];
        }
        float mean = dot(scaled.data(), row, n) * rstd[r] * rstd[r] / static_cast<float>(n);
        for (int64_t i = 0; i < n; i++)
            d[i] = rstd[r] * (scaled[i] - row[i] * mean);
    }
    write_all(c.t("dxOut"), dy.data());
    write_all(c.t("dgammaOut"), dgamma.data());
}

float sigmoid(float x) { return 1 / (1 + std::exp(-x)); }

/* x as (outer, 2 half, inner) around the split dimension. */
struct Halves {
    int64_t outer = 1, half, inner = 1;
    Halves(const Tensor &x, int64_t d) : half(x.dims[d] / 2)
    {
        for (int64_t i = 0; i < d; i++)
            outer *= x.dims[i];
        for (int64_t i = d + 1; i < x.rank(); i++)
            inner *= x.dims[i];
    }
};

void check_halves(const Tensor &x, const Tensor &half, int64_t dim)
{
    int64_t d = wrap_dim(dim, x.rank());
    NEED(x.rank() >= 1 && x.dims[d] % 2 == 0, "the split dimension is even");
    auto dims = x.dims;
    dims[d] /= 2;
    NEED(half.dims == dims && half.type == x.type, "the half has not x's type and half of its size");
    NEED(x.contiguous() && half.contiguous(), "the tensors are contiguous");
}

OPERATOR(aclnnSwiGlu) { check_halves(c.t("x"), c.t("out"), c.i("dim")); }
RUN(aclnnSwiGlu)
{
    Tensor &x = c.t("x");
    Halves h(x, wrap_dim(c.i("dim"), x.rank()));
    int64_t n = h.half * h.inner;
    auto in = floats(x);
    std::vector<float> out(h.outer * n);
    for (int64_t o = 0; o < h.outer; o++)
        for (int64_t i = 0; i < n; i++) {
            float a = in[o * 2 * n + i], b = in[o * 2 * n + n + i];
            out[o * n + i] = a * sigmoid(a) * b;
        }
    write_all(c.t("out"), out.data());
}

OPERATOR(aclnnSwiGluGrad)
{
    check_halves(c.t("x"), c.t("yGrad"), c.i("dim"));
    NEED(c.t("out").dims == c.t("x").dims && c.t("out").type == c.t("x").type, "out is like x");
}
RUN(aclnnSwiGluGrad)
{
    Tensor &x = c.t("x");
    Halves h(x, wrap_dim(c.i("dim"), x.rank()));
    int64_t n = h.half * h.inner;
    auto in = floats(x), dy = floats(c.t("yGrad"));
    for (int64_t o = 0; o < h.outer; o++)
        for (int64_t i = 0; i < n; i++) {
            float &a = in[o * 2 * n + i], &b = in[o * 2 * n + n + i], g = dy[o * n + i], s = sigmoid(a), silu = a * s;
            float da = g * b * s * (1 + a * (1 - s));
            b = g * silu;
            a = da;
        }
    write_all(c.t("out"), in.data());
}

} // namespace
} // namespace emu
