// AdamW and the operators over lists of tensors. States in their own types, arithmetic in F32.
#include "elements.h"

namespace emu {
namespace {

struct AdamW {
    float lr, beta1, beta2, decay, eps;
    bool amsgrad, maximize;

    void step(const Tensor &var, const Tensor &m_t, const Tensor &v_t, const Tensor *max_t, const Tensor &grad_t, double t) const
    {
        auto p = floats(var), m = floats(m_t), v = floats(v_t), g = floats(grad_t);
        std::vector<float> top = amsgrad ? floats(*max_t) : std::vector<float>();
        float correct1 = static_cast<float>(1 - std::pow(static_cast<double>(beta1), t));
        float correct2 = static_cast<float>(1 - std::pow(static_cast<double>(beta2), t));
        for (size_t i = 0; i < p.size(); i++) {
            float d = maximize ? -g[i] : g[i];
            p[i] *= 1 - lr * decay;
            m[i] = beta1 * m[i] + (1 - beta1) * d;
            v[i] = beta2 * v[i] + (1 - beta2) * d * d;
            float second = v[i];
            if (amsgrad)
                second = top[i] = std::max(top[i], v[i]);
            p[i] -= lr / correct1 * m[i] / (std::sqrt(second / correct2) + eps);
        }
        write_all(var, p.data());
        write_all(m_t, m.data());
        write_all(v_t, v.data());
        if (amsgrad)
            write_all(*max_t, top.data());
    }
};

void check_like(const Tensor &a, const Tensor &b, const char *name)
{
    NEED(a.dims == b.dims, std::string(name) + " has another shape than the parameter");
}

OPERATOR(aclnnApplyAdamWV2)
{
    Tensor &var = c.t("varRef"), &step = c.t("step");
    for (const char *name : {"mRef", "vRef", "grad"})
        check_like(c.t(name), var, name);
    for (const char *name : {"mRef", "vRef"})
        NEED(is_float(c.t(name).type), "the states are float types");
    NEED(step.count() == 1, "step has one element");
    NEED(!c.i("amsgrad") || c.has("maxGradNormOptionalRef"), "amsgrad needs maxGradNorm");
}
RUN(aclnnApplyAdamWV2)
{
    AdamW w{static_cast<float>(c.d("lr")), static_cast<float>(c.d("beta1")), static_cast<float>(c.d("beta2")),
        static_cast<float>(c.d("weightDecay")), static_cast<float>(c.d("eps")), c.i("amsgrad") != 0, c.i("maximize") != 0};
    w.step(c.t("varRef"), c.t("mRef"), c.t("vRef"), w.amsgrad ? &c.t("maxGradNormOptionalRef") : nullptr, c.t("grad"),
        read_all<double>(c.t("step"))[0]);
}

OPERATOR(aclnnFusedAdamw)
{
    size_t n = c["paramsRef"].tensors.size();
    for (const char *name : {"grads", "expAvgsRef", "expAvgSqsRef", "stateSteps"})
        NEED(c[name].tensors.size() == n, std::string(name) + " has another length than the parameters");
    for (size_t i = 0; i < n; i++)
        check_like(c["grads"].tensors[i], c["paramsRef"].tensors[i], "a gradient");
    NEED(!c.has("gradScaleOptional") && !c.has("foundInfOptional"), "gradient scaling is not emulated");
    NEED(!c.i("amsgrad"), "amsgrad over lists is not emulated");
}
RUN(aclnnFusedAdamw)
{
    AdamW w{static_cast<float>(c.d("lr")), static_cast<float>(c.d("beta1")), static_cast<float>(c.d("beta2")),
        static_cast<float>(c.d("weightDecay")), static_cast<float>(c.d("eps")), false, c.i("maximize") != 0};
    for (size_t i = 0; i < c["paramsRef"].tensors.size(); i++)
        w.step(c["paramsRef"].tensors[i], c["expAvgsRef"].tensors[i], c["expAvgSqsRef"].tensors[i], nullptr, c["grads"].tensors[i],
            read_all<double>(c["stateSteps"].tensors[i])[0]);
}

void check_lists(Call &c, const char *a, const char *b)
{
    auto &x = c[a].tensors, &y = c[b].tensors;
    NEED(x.size() == y.size(), "the lists have different lengths");
    LIMIT(x.size() <= 256, "at most 256 tensors a list");
    for (size_t i = 0; i < x.size(); i++)
        NEED(x[i].dims == y[i].dims && x[i].type == y[i].type, "the lists differ in a shape or type");
}

template <class F> void for_each(Call &c, const char *in, F f)
{
    auto &x = c[in].tensors, &out = c["out"].tensors;
    for (size_t i = 0; i < x.size(); i++) {
        auto values = floats(x[i]);
        f(values, i);
        write_all(out[i], values.data());
    }
}

ELEMENTWISE(aclnnForeachAddScalarV2) { check_lists(c, "x", "out"); }
RUN(aclnnForeachAddScalarV2)
{
    for_each(c, "x", [s = static_cast<float>(c.scalar("scalar"))](std::vector<float> &x, size_t) {
        for (float &v : x)
            v += s;
    });
}
ELEMENTWISE(aclnnForeachMulScalarV2) { check_lists(c, "x", "out"); }
RUN(aclnnForeachMulScalarV2)
{
    for_each(c, "x", [s = static_cast<float>(c.scalar("scalar"))](std::vector<float> &x, size_t) {
        for (float &v : x)
            v *= s;
    });
}
ELEMENTWISE(aclnnForeachLerpScalar)
{
    check_lists(c, "x1", "x2");
    check_lists(c, "x1", "out");
}
RUN(aclnnForeachLerpScalar)
{
    auto &ends = c["x2"].tensors;
    for_each(c, "x1", [&, w = static_cast<float>(c.scalar("weight"))](std::vector<float> &x, size_t i) {
        auto end = floats(ends[i]);
        for (size_t j = 0; j < x.size(); j++)
            x[j] += w * (end[j] - x[j]);
    });
}

OPERATOR(aclnnForeachNorm)
{
    auto &x = c["x"].tensors, &out = c["out"].tensors;
    NEED(x.size() == out.size(), "the lists have different lengths");
    for (auto &t : out)
        NEED(t.count() == 1, "each norm is one element");
    double p = c.scalar("scalar");
    NEED(p == 1 || p == 2, "the norms are 1 and 2");
}
RUN(aclnnForeachNorm)
{
    double p = c.scalar("scalar");
    for (size_t i = 0; i < c["x"].tensors.size(); i++) {
        double sum = 0;
        for (float v : floats(c["x"].tensors[i]))
            sum += p == 2 ? static_cast<double>(v) * v : std::fabs(v);
        double norm = p == 2 ? std::sqrt(sum) : sum;
        write_all(c["out"].tensors[i], &norm);
    }
}

} // namespace
} // namespace emu
