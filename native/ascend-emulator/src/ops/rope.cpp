// Rotary position embedding and the cache writers that go with it.
#include "cache.h"

namespace emu {

/* Rotates a row of n floats: halves (mode 0) or pairs (mode 1); cos and sin hold n values. */
void rotate(float *x, const float *cos, const float *sin, int64_t n, int64_t mode)
{
    std::vector<float> turned(n);
    if (mode == 0) {
        for (int64_t i = 0; i < n / 2; i++)
            turned[i] = -x[i + n / 2], turned[i + n / 2] = x[i];
    } else {
        for (int64_t i = 0; i < n; i += 2)
            turned[i] = -x[i + 1], turned[i + 1] = x[i];
    }
    for (int64_t i = 0; i < n; i++)
        x[i] = x[i] * cos[i] + turned[i] * sin[i];
}

/* Pairs to halves: even elements first, then rotates the halves. */
void rotate_interleaved(float *x, const float *cos, const float *sin, int64_t n)
{
    std::vector<float> split(n);
    for (int64_t i = 0; i < n / 2; i++)
        split[i] = x[2 * i], split[i + n / 2] = x[2 * i + 1];
    rotate(split.data(), cos, sin, n, 0);
    std::copy(split.begin(), split.end(), x);
}

namespace {

void check_mode(int64_t mode)
{
    NEED(mode == 0 || mode == 1 || (mode >= 0 && mode <= 3 && state().settings.product == Product::A950),
        "mode is 0 (half) or 1 (interleave)");
    NEED(mode <= 1, "modes 2 and 3 are not emulated");
}

void check_rope(const Tensor &x, const Tensor &cos, const Tensor &sin)
{
    NEED(x.rank() == 4 && cos.rank() == 4 && sin.dims == cos.dims, "x, cos and sin have 4 dimensions");
    NEED(cos.dims[3] == x.dims[3] && x.dims[3] % 2 == 0, "cos and sin hold the whole, even head size");
    NEED(cos.type == x.type && sin.type == x.type, "cos and sin have x's type");
    LIMIT(x.dims[3] <= 896, "the head size is at most 896");
    expand(cos, x.dims);
}

void run_rope(const Tensor &x, const Tensor &cos_t, const Tensor &sin_t, const Tensor &out, int64_t mode, float sign)
{
    Tensor c = expand(cos_t, x.dims), s = expand(sin_t, x.dims);
    int64_t n = x.dim(-1), row = 0;
    std::vector<float> values(n), cos(n), sin(n);
    for_rows(out, [&](int64_t at, int64_t stride, int64_t) {
        read_row(x, row_at(x, row), x.stride(-1), n, values.data());
        read_row(c, row_at(c, row), c.stride(-1), n, cos.data());
        read_row(s, row_at(s, row), s.stride(-1), n, sin.data());
        for (float &v : sin)
            v *= sign;
        rotate(values.data(), cos.data(), sin.data(), n, mode);
        write_row(out, at, stride, n, values.data());
        row++;
    });
}

OPERATOR(aclnnRotaryPositionEmbedding)
{
    check_mode(c.i("mode"));
    check_rope(c.t("x"), c.t("cos"), c.t("sin"));
    NEED(c.t("out").dims == c.t("x").dims && c.t("out").type == c.t("x").type && c.t("out").contiguous(), "out is like x");
}
RUN(aclnnRotaryPositionEmbedding) { run_rope(c.t("x"), c.t("cos"), c.t("sin"), c.t("out"), c.i("mode"), 1); }

OPERATOR(aclnnRotaryPositionEmbeddingGrad)
{
    check_mode(c.i("mode"));
    check_rope(c.t("dy"), c.t("cos"), c.t("sin"));
    NEED(c.t("dxOut").dims == c.t("dy").dims && c.t("dxOut").type == c.t("dy").type, "dxOut is like dy");
    NEED(!c.has("dcosOut") || c.t("dcosOut").count() == 0 || !c.has("xOptional"), "gradients of cos and sin are not emulated");
}
RUN(aclnnRotaryPositionEmbeddingGrad)
{
    // The transpose of x cos + turn(x) sin: dy cos - turn(dy sin), element by element, so cos and sin need not be equal
    // in both halves.
    Tensor &dy = c.t("dy"), &out = c.t("dxOut");
    Tensor cs = expand(c.t("cos"), dy.dims), sn = expand(c.t("sin"), dy.dims);
    int64_t n = dy.dim(-1), row = 0, mode = c.i("mode");
    std::vector<float> g(n), cos(n), sin(n), zero(n, 0.f), one(n, 1.f), turned(n);
    for_rows(out, [&](int64_t at, int64_t stride, int64_t) {
        read_row(dy, row_at(dy, row), dy.stride(-1), n, g.data());
        read_row(cs, row_at(cs, row), cs.stride(-1), n, cos.data());
        read_row(sn, row_at(sn, row), sn.stride(-1), n, sin.data());
        for (int64_t i = 0; i < n; i++)
            turned[i] = g[i] * sin[i];
        rotate(turned.data(), zero.data(), one.data(), n, mode);
        for (int64_t i = 0; i < n; i++)
            g[i] = g[i] * cos[i] - turned[i];
        write_row(out, at, stride, n, g.data());
        row++;
    });
}

void check_apply(Call &c, const std::string &mode)
{
    int64_t layout = c.i("layout");
    bool all = state().settings.product == Product::A950;
    LIMIT(layout == 1 || layout == 4 || (all && layout >= 1 && layout <= 4), "layout is 1 (BSND) or 4 (TND) on this product");
    NEED(mode == "half" || mode == "interleave", "rotaryMode is half or interleave");
    int64_t rank = layout == 4 ? 3 : 4;
    for (const char *name : {"queryRef", "keyRef"}) {
        Tensor &x = c.t(name);
        NEED(x.rank() == rank && is_float(x.type) && x.dim(-1) % 2 == 0, std::string(name) + " has the wrong rank or type");
        NEED(c.t("cos").rank() == rank && c.t("cos").dim(-1) == x.dim(-1) && c.t("sin").dims == c.t("cos").dims, "cos and sin hold the head size");
        NEED(c.t("cos").type == x.type, "cos and sin have the queries' type");
        expand(c.t("cos"), x.dims);
    }
    LIMIT(all || mode == "interleave" || c.t("queryRef").dim(-1) == 128 || c.t("queryRef").dim(-1) == 64 || c.op->count == 6,
        "the head size is 64 or 128");
}
OPERATOR(aclnnApplyRotaryPosEmb) { check_apply(c, "half"); }
RUN(aclnnApplyRotaryPosEmb)
{
    for (const char *name : {"queryRef", "keyRef"})
        run_rope(c.t(name), c.t("cos"), c.t("sin"), c.t(name), 0, 1);
}
OPERATOR(aclnnApplyRotaryPosEmbV2) { check_apply(c, c["rotaryMode"].text); }
RUN(aclnnApplyRotaryPosEmbV2)
{
    for (const char *name : {"queryRef", "keyRef"})
        run_rope(c.t(name), c.t("cos"), c.t("sin"), c.t(name), c["rotaryMode"].text == "half" ? 0 : 1, 1);
}

OPERATOR(aclnnInterleaveRope)
{
    check_rope(c.t("x"), c.t("cos"), c.t("sin"));
    LIMIT(c.t("x").dims[3] == 64, "the head size is 64");
    NEED(c.t("out").dims == c.t("x").dims, "out is like x");
}
RUN(aclnnInterleaveRope)
{
    Tensor &x = c.t("x"), &out = c.t("out");
    Tensor cs = expand(c.t("cos"), x.dims), sn = expand(c.t("sin"), x.dims);
    int64_t n = 64, row = 0;
    std::vector<float> values(n), cos(n), sin(n);
    for_rows(out, [&](int64_t at, int64_t stride, int64_t) {
        read_row(x, row_at(x, row), x.stride(-1), n, values.data());
        read_row(cs, row_at(cs, row), cs.stride(-1), n, cos.data());
        read_row(sn, row_at(sn, row), sn.stride(-1), n, sin.data());
        rotate_interleaved(values.data(), cos.data(), sin.data(), n);
        write_row(out, at, stride, n, values.data());
        row++;
    });
}

OPERATOR(aclnnKvRmsNormRopeCache)
{
    Tensor &kv = c.t("kv"), &gamma = c.t("gamma"), &cos = c.t("cos"), &k = c.t("kCacheRef"), &ckv = c.t("ckvCacheRef");
    for (const char *name : {"kRopeScaleOptional", "cKvScaleOptional", "kRopeOffsetOptional", "cKvOffsetOptional"})
        NEED(!c.has(name), "quantised caches are not emulated");
    NEED(kv.rank() == 4 && kv.dims[1] == 1, "kv is (B, 1, S, width)");
    LIMIT(gamma.rank() == 1 && gamma.dims[0] == 512 && kv.dims[3] == 576, "the widths are 512 and 64");
    NEED(cos.rank() == 4 && cos.dims[3] == 64 && c.t("sin").dims == cos.dims && cos.type == kv.type, "cos and sin are (B, 1, S, 64) of kv's type");
    expand(cos, {kv.dims[0], 1, kv.dims[2], 64});
    NEED(gamma.type == kv.type && k.type == kv.type && ckv.type == kv.type, "gamma and the caches have kv's type");
    check_cache(k, c["cacheModeOptional"].text, 64);
    check_cache(ckv, c["cacheModeOptional"].text, 512);
    const std::string &mode = c["cacheModeOptional"].text;
    bool norm = mode == "Norm" || mode.empty(), blocks = mode.find("BLK") != std::string::npos;
    LIMIT(!blocks, "the PA_BLK modes are not emulated");
    Tensor &index = c.t("index");
    NEED(index.type == INT64 && index.count() == kv.dims[0] * kv.dims[2], "index is INT64, one a token");
    NEED(!norm || index.rank() == 2, "index is (B, S) in mode Norm");
    if (c.i("isOutputKv"))
        NEED(c.has("kRopeOut") && c.has("cKvOut") && c.t("kRopeOut").dim(-1) == 64 && c.t("cKvOut").dim(-1) == 512,
            "kRopeOut and cKvOut are needed with isOutputKv");
    c.by_itself = {"kCacheRef", "ckvCacheRef"};
}
RUN(aclnnKvRmsNormRopeCache)
{
    Tensor &kv = c.t("kv");
    const std::string mode = c["cacheModeOptional"].text;
    int64_t batch = kv.dims[0], steps = kv.dims[2];
    auto gamma = floats(c.t("gamma")), cos = floats(expand(c.t("cos"), {batch, 1, steps, 64})), sin = floats(expand(c.t("sin"), {batch, 1, steps, 64}));
    auto index = integers(c.t("index"));
    std::vector<float> row(576);
    for (int64_t b = 0; b < batch; b++)
        for (int64_t s = 0; s < steps; s++) {
            int64_t token = b * steps + s;
            read_row(kv, kv.offset + b * kv.strides[0] + s * kv.strides[2], kv.strides[3], 576, row.data());
            float rstd = 1 / std::sqrt(dot(row.data(), row.data(), 512) / 512 + static_cast<float>(c.d("epsilon")));
            for (int i = 0; i < 512; i++)
                row[i] = row[i] * rstd * gamma[i];
            rotate_interleaved(&row[512], &cos[token * 64], &sin[token * 64], 64);
            if (index[token] != -1) {
                int64_t at = mode == "Norm" || mode.empty() ? norm_slot(c.t("kCacheRef"), b, index[token]) : index[token];
                write_cache(c, c.t("ckvCacheRef"), mode, at, row.data());
                write_cache(c, c.t("kCacheRef"), mode, at, &row[512]);
            }
            if (c.i("isOutputKv")) {
                write_row(c.t("cKvOut"), row_at(c.t("cKvOut"), token), c.t("cKvOut").stride(-1), 512, row.data());
                write_row(c.t("kRopeOut"), row_at(c.t("kRopeOut"), token), c.t("kRopeOut").stride(-1), 64, &row[512]);
            }
        }
}

OPERATOR(aclnnScatterPaKvCache)
{
    Tensor &key = c.t("key"), &cache = c.t("keyCacheRef");
    for (const char *name : {"compressLensOptional", "compressSeqOffsetOptional", "seqLensOptional"})
        NEED(!c.has(name), "compressed caches are not emulated");
    NEED(key.rank() == 3 && cache.rank() == 4 && cache.dims[2] == key.dims[1] && cache.dims[3] == key.dims[2] && cache.type == key.type,
        "key is (tokens, heads, size), the cache (blocks, block size, heads, size)");
    Tensor &value = c.t("value"), &values = c.t("valueCacheRef");
    NEED(value.count() == 0 || (value.rank() == 3 && value.dims[0] == key.dims[0] && values.rank() == 4 && values.dims[3] == value.dims[2]),
        "value and its cache fit key's");
    NEED(c.t("slotMapping").rank() == 1 && c.t("slotMapping").dims[0] == key.dims[0], "one slot a token");
    c.by_itself = {"keyCacheRef", "valueCacheRef"};
}
RUN(aclnnScatterPaKvCache)
{
    auto slots = integers(c.t("slotMapping"));
    for (auto names : {std::make_pair("key", "keyCacheRef"), std::make_pair("value", "valueCacheRef")}) {
        Tensor &from = c.t(names.first), &cache = c.t(names.second);
        if (from.count() == 0)
            continue;
        std::vector<float> row(from.dims[2]);
        for (size_t t = 0; t < slots.size(); t++) {
            if (slots[t] == -1)
                continue;
            int64_t all = cache.dims[0] * cache.dims[1];
            if (slots[t] < 0 || slots[t] >= all)
                bad_index("a slot", slots[t], all);
            for (int64_t h = 0; h < from.dims[1]; h++) {
                read_row(from, from.offset + static_cast<int64_t>(t) * from.strides[0] + h * from.strides[1], from.strides[2], from.dims[2], row.data());
                int64_t at = cache.offset + slots[t] / cache.dims[1] * cache.strides[0] + slots[t] % cache.dims[1] * cache.strides[1] + h * cache.strides[2];
                c.touch(cache, at, cache.dims[3], true);
                write_row(cache, at, cache.strides[3], from.dims[2], row.data());
            }
        }
    }
}

} // namespace
} // namespace emu
