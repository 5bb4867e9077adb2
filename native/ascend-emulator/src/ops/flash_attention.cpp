// FlashAttentionScore and its gradient: attention for training, which keeps the softmax's maximum and sum.
#include "attention.h"

namespace emu {
namespace {

struct Training {
    HeadRows q, k, v;
    int64_t heads, kv_heads, batches, steps, keys, mode;
    float scale;

    explicit Training(Call &c, const char *key)
    {
        const std::string layout = c["inputLayout"].text;
        NEED(layout == "BSH" || layout == "SBH" || layout == "BSND" || layout == "BNSD", "the layout is BSH, SBH, BSND or BNSD");
        heads = c.i("headNum");
        NEED(heads > 0, "headNum is missing");
        q = HeadRows(c.t("query"), layout, heads);
        Tensor &kt = c.t(key), &vt = c.t("value");
        int64_t n = layout == "BSND" ? kt.dims.at(2) : layout == "BNSD" ? kt.dims.at(1) : kt.dims.at(2) / q.d;
        NEED(n > 0 && heads % n == 0, "headNum is not a multiple of the key heads");
        kv_heads = n;
        k = HeadRows(kt, layout, n);
        v = HeadRows(vt, layout, n);
        batches = q.batches;
        steps = q.steps;
        keys = k.steps;
        mode = c.i("sparseMode");
        scale = static_cast<float>(c.d("scaleValue"));
        NEED(k.d == q.d && v.d <= q.d && k.batches == batches && v.batches == batches && v.steps == keys, "query, key and value do not fit");
        LIMIT(q.d <= 768, "the head size is at most 768");
        LIMIT(heads <= 256, "at most 256 heads");
        NEED(c.d("keepProb") == 1, "dropout is not emulated");
        for (const char *name : {"dropMaskOptional", "paddingMaskOptional"})
            NEED(!c.has(name), std::string(name) + " is not emulated");
        NEED(c["prefixOptional"].ints.empty(), "prefixes are not emulated");
        bool mask = c.has("attenMaskOptional");
        NEED(mode >= 0 && mode <= 4, "sparseMode is 0 to 4");
        if (mode >= 2) {
            NEED(mask && c.t("attenMaskOptional").dim(-1) == 2048 && c.t("attenMaskOptional").dim(-2) == 2048, "this sparseMode needs the (2048, 2048) mask");
        }
        if (mask)
            NEED(c.t("attenMaskOptional").type == BOOL || c.t("attenMaskOptional").type == UINT8, "the mask is BOOL or UINT8");
    }

    bool sees(Call &c, int64_t b, int64_t h, int64_t i, int64_t j) const
    {
        int64_t shift = keys - steps;
        if (mode == 2)
            return j <= i;
        if (mode == 3)
            return j <= i + shift;
        if (mode == 4)
            return j <= i + shift + c.i("nextTokens") && j >= i + shift - c.i("preTokens");
        if (!c.has("attenMaskOptional"))
            return true;
        const Tensor &m = c.t("attenMaskOptional");
        int64_t at = m.offset + i * m.stride(-2) + j * m.stride(-1);
        if (m.rank() == 4)
            at += (m.dims[0] > 1 ? b * m.strides[0] : 0) + (m.dims[1] > 1 ? h * m.strides[1] : 0);
        return *(backing(m.address) + at) == 0;
    }

    std::vector<float> rows(const HeadRows &of, int64_t b, int64_t head) const
    {
        std::vector<float> all(static_cast<size_t>(of.steps * of.d));
        for (int64_t s = 0; s < of.steps; s++)
            of.read(b, s, head, &all[s * of.d]);
        return all;
    }
};

void check_flash(Call &c)
{
    NEED(!c.has("realShiftOptional"), "realShift is not emulated");
    Training t(c, "key");
    HeadRows out(c.t("attentionOutOut"), c["inputLayout"].text, t.heads);
    NEED(out.d == t.v.d && out.steps == t.steps && out.batches == t.batches, "attentionOutOut does not fit");
    for (const char *name : {"softmaxMaxOut", "softmaxSumOut"})
        NEED(c.t(name).type == F32 && c.t(name).dims == (std::vector<int64_t>{t.batches, t.heads, t.steps, 8}), std::string(name) + " is FLOAT (B, N, S, 8)");
    for (const char *name : {"key", "value", "attentionOutOut"})
        NEED(c.t(name).type == c.t("query").type, std::string(name) + " has another type than query");
}

void run_flash(Call &c)
{
    Training t(c, "key");
    HeadRows out(c.t("attentionOutOut"), c["inputLayout"].text, t.heads);
    std::vector<float> tops(static_cast<size_t>(t.batches * t.heads * t.steps * 8)), sums(tops.size()), scores(t.keys), result(t.v.d), query(t.q.d);
    for (int64_t b = 0; b < t.batches; b++)
        for (int64_t h = 0; h < t.heads; h++) {
            int64_t kv = h / (t.heads / t.kv_heads);
            auto keys = t.rows(t.k, b, kv), values = t.rows(t.v, b, kv);
            for (int64_t s = 0; s < t.steps; s++) {
                t.q.read(b, s, h, query.data());
                for (int64_t j = 0; j < t.keys; j++)
                    scores[j] = t.sees(c, b, h, s, j) ? t.scale * dot(query.data(), &keys[j * t.k.d], t.k.d) : -std::numeric_limits<float>::infinity();
                Softmax soft = softmax_of(scores);
                std::fill(result.begin(), result.end(), 0.f);
                for (int64_t j = 0; j < t.keys; j++)
                    for (int64_t d = 0; d < t.v.d; d++)
                        result[d] += scores[j] * values[j * t.v.d + d];
                out.write(b, s, h, result.data());
                size_t row = static_cast<size_t>(((b * t.heads + h) * t.steps + s) * 8);
                std::fill_n(&tops[row], 8, soft.top);
                std::fill_n(&sums[row], 8, soft.sum);
            }
        }
    write_all(c.t("softmaxMaxOut"), tops.data());
    write_all(c.t("softmaxSumOut"), sums.data());
}

OPERATOR(aclnnFlashAttentionScore) { check_flash(c); }
RUN(aclnnFlashAttentionScore) { run_flash(c); }
OPERATOR(aclnnFlashAttentionScoreV2) { check_flash(c); }
RUN(aclnnFlashAttentionScoreV2) { run_flash(c); }

void check_flash_grad(Call &c)
{
    NEED(!c.has("pseShiftOptional"), "pseShift is not emulated");
    Training t(c, "keyIn");
    for (const char *name : {"softmaxMaxOptional", "softmaxSumOptional", "attentionInOptional"})
        NEED(c.has(name), std::string(name) + " is missing");
    NEED(c.t("dqOut").dims == c.t("query").dims && c.t("dkOut").dims == c.t("keyIn").dims && c.t("dvOut").dims == c.t("value").dims, "the gradients' shapes do not fit");
    for (const char *name : {"softmaxMaxOptional", "softmaxSumOptional"})
        NEED(c.t(name).type == F32 && c.t(name).dims == (std::vector<int64_t>{t.batches, t.heads, t.steps, 8}), std::string(name) + " is FLOAT (B, N, S, 8)");
    NEED(c.t("dy").dims == c.t("attentionInOptional").dims, "dy is like the attention's output");
}

void run_flash_grad(Call &c)
{
    Training t(c, "keyIn");
    const std::string layout = c["inputLayout"].text;
    HeadRows dy(c.t("dy"), layout, t.heads), out(c.t("attentionInOptional"), layout, t.heads), dq(c.t("dqOut"), layout, t.heads);
    HeadRows dk(c.t("dkOut"), layout, t.kv_heads), dv(c.t("dvOut"), layout, t.kv_heads);
    auto tops = floats(c.t("softmaxMaxOptional")), sums = floats(c.t("softmaxSumOptional"));
    int64_t per = t.heads / t.kv_heads, n = t.q.d, m = t.v.d;
    std::vector<float> query(n), grad(m), output(m), query_grad(n);
    for (int64_t b = 0; b < t.batches; b++)
        for (int64_t kv = 0; kv < t.kv_heads; kv++) {
            auto keys = t.rows(t.k, b, kv), values = t.rows(t.v, b, kv);
            std::vector<float> key_grad(keys.size(), 0.f), value_grad(values.size(), 0.f);
            for (int64_t h = kv * per; h < (kv + 1) * per; h++)
                for (int64_t s = 0; s < t.steps; s++) {
                    t.q.read(b, s, h, query.data());
                    dy.read(b, s, h, grad.data());
                    out.read(b, s, h, output.data());
                    float delta = dot(grad.data(), output.data(), m);
                    size_t row = static_cast<size_t>(((b * t.heads + h) * t.steps + s) * 8);
                    std::fill(query_grad.begin(), query_grad.end(), 0.f);
                    for (int64_t j = 0; j < t.keys; j++) {
                        if (!t.sees(c, b, h, s, j) || sums[row] == 0)
                            continue;
                        float p = std::exp(t.scale * dot(query.data(), &keys[j * n], n) - tops[row]) / sums[row];
                        float ds = t.scale * p * (dot(grad.data(), &values[j * m], m) - delta);
                        for (int64_t d = 0; d < m; d++)
                            value_grad[j * m + d] += p * grad[d];
                        for (int64_t d = 0; d < n; d++) {
                            query_grad[d] += ds * keys[j * n + d];
                            key_grad[j * n + d] += ds * query[d];
                        }
                    }
                    dq.write(b, s, h, query_grad.data());
                }
            for (int64_t j = 0; j < t.keys; j++) {
                dk.write(b, j, kv, &key_grad[j * n]);
                dv.write(b, j, kv, &value_grad[j * m]);
            }
        }
}

OPERATOR(aclnnFlashAttentionScoreGrad) { check_flash_grad(c); }
RUN(aclnnFlashAttentionScoreGrad) { run_flash_grad(c); }
OPERATOR(aclnnFlashAttentionScoreGradV2) { check_flash_grad(c); }
RUN(aclnnFlashAttentionScoreGradV2) { run_flash_grad(c); }

} // namespace
} // namespace emu
