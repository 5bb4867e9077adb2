// MlaProlog: from a token to its absorbed query and the row of its cache, in one launch.
#include "cache.h"
#include "fractal.h"

namespace emu {
namespace {

struct Sizes {
    int64_t tokens, hidden, rank, heads;
};

/* The part that all three versions share. */
Sizes check_prolog(Call &c, bool third)
{
    for (const char *name : {"dequantScaleXOptional", "dequantScaleWDqOptional", "dequantScaleWUqQrOptional", "dequantScaleWDkvKrOptional",
             "quantScaleCkvOptional", "quantScaleCkrOptional", "smoothScalesCqOptional"})
        NEED(!c.has(name), std::string("quantised forms are not emulated: ") + name);
    Tensor &x = c.t("tokenX"), &uk = c.t("weightUk"), &dq = c.t("weightDq"), &uq = c.t("weightUqQr"), &dkv = c.t("weightDkvKr");
    for (const char *name : {"tokenX", "weightDq", "weightUqQr", "weightUk", "weightDkvKr", "rmsnormGammaCq", "rmsnormGammaCkv", "ropeSin", "ropeCos",
             "kvCacheRef", "krCacheRef", "queryOut", "queryRopeOut"})
        NEED(c.t(name).type == BF16 && c.t(name).contiguous(), std::string(name) + " is not contiguous BF16");
    for (const Tensor *w : {&dq, &uq, &dkv})
        NEED(w->format == FRACTAL_NZ, "weightDq, weightUqQr and weightDkvKr are FRACTAL_NZ");
    NEED(x.rank() == 2 || x.rank() == 3, "tokenX is (T, He) or (B, S, He)");
    Sizes s = {x.count() / std::max<int64_t>(1, x.dim(-1)), x.dim(-1), dq.dim(-1), uk.dims.at(0)};
    static const std::set<int64_t> hidden = {1024, 2048, 3072, 4096, 5120, 6144, 7168, 7680, 8192};
    LIMIT(hidden.count(s.hidden), format("He is %lld: not among 1024, 2048, ... 7168, 7680, 8192", (long long)s.hidden));
    LIMIT(s.rank == 1536 || (third && s.rank == 2048), "Hcq is 1536, or 2048 in V3");
    LIMIT(s.heads >= 1 && s.heads <= 128 && !(s.heads & (s.heads - 1)), "N is 1, 2, 4 to 128");
    LIMIT(uk.rank() == 3 && uk.dims[2] == 512 && (uk.dims[1] == 128 || (third && uk.dims[1] == 192)), "weightUk is (N, 128, 512)");
    NEED(dq.dim(-2) == s.hidden && uq.dim(-2) == s.rank && uq.dim(-1) == s.heads * (uk.dims[1] + 64) && dkv.dim(-2) == s.hidden && dkv.dim(-1) == 576,
        "the weights' shapes do not fit");
    NEED(c.t("rmsnormGammaCq").count() == s.rank && c.t("rmsnormGammaCkv").count() == 512, "the gammas' sizes do not fit");
    for (const char *name : {"ropeSin", "ropeCos"})
        NEED(c.t(name).count() == s.tokens * 64 && c.t(name).dim(-1) == 64, std::string(name) + " is 64 a token");
    const std::string &mode = c["cacheModeOptional"].text;
    NEED(mode == "PA_BSND" || mode == "PA_NZ", "cacheMode is PA_BSND or PA_NZ");
    check_cache(c.t("kvCacheRef"), mode, 512);
    check_cache(c.t("krCacheRef"), mode, 64);
    Tensor &index = c.t(third ? "cacheIndexOptional" : "cacheIndex");
    NEED(index.type == INT64 && index.count() == s.tokens, "cacheIndex is INT64, one a token");
    NEED(c.t("queryOut").count() == s.tokens * s.heads * 512 && c.t("queryOut").dim(-1) == 512 && c.t("queryOut").contiguous(), "queryOut is (T, N, 512)");
    NEED(c.t("queryRopeOut").count() == s.tokens * s.heads * 64 && c.t("queryRopeOut").dim(-1) == 64 && c.t("queryRopeOut").contiguous(), "queryRopeOut is (T, N, 64)");
    c.by_itself = {"kvCacheRef", "krCacheRef"};
    c.workspace_bytes = static_cast<uint64_t>(s.tokens) * (s.rank + s.heads * 192 + 576) * 4;
    return s;
}

float rounded(float v) { return from_bf16(to_bf16(v)); }

/* RMS norm of a row, rounded as what the next product reads. */
void normalise(float *row, const std::vector<float> &gamma, double epsilon, float scale)
{
    int64_t n = static_cast<int64_t>(gamma.size());
    float rstd = 1 / std::sqrt(dot(row, row, n) / static_cast<float>(n) + static_cast<float>(epsilon));
    for (int64_t i = 0; i < n; i++)
        row[i] = rounded(row[i] * rstd * gamma[i] * scale);
}

std::vector<float> by_fractal(const std::vector<float> &x, int64_t rows, const Tensor &w)
{
    HostMatrix right(from_fractal(w), w.dim(-2), w.dim(-1));
    std::vector<float> y(static_cast<size_t>(rows * w.dim(-1)));
    multiply(x.data(), rows, w.dim(-2), right.tensor, y.data());
    for (float &v : y)
        v = rounded(v);
    return y;
}

void run_prolog(Call &c, bool third)
{
    Tensor &uk = c.t("weightUk");
    auto x = floats(c.t("tokenX")), cos = floats(c.t("ropeCos")), sin = floats(c.t("ropeSin"));
    int64_t hidden = c.t("tokenX").dim(-1), tokens = static_cast<int64_t>(x.size()) / hidden, rank = c.t("weightDq").dim(-1);
    int64_t heads = uk.dims[0], nope = uk.dims[1], wide = nope + 64;
    float q_scale = third && c.d("qcQrScale") != 0 ? static_cast<float>(c.d("qcQrScale")) : 1.f;
    float k_scale = third && c.d("kcScale") != 0 ? static_cast<float>(c.d("kcScale")) : 1.f;
    auto cq = by_fractal(x, tokens, c.t("weightDq"));
    auto gamma_q = floats(c.t("rmsnormGammaCq")), gamma_kv = floats(c.t("rmsnormGammaCkv"));
    for (int64_t t = 0; t < tokens; t++)
        normalise(&cq[t * rank], gamma_q, c.d("rmsnormEpsilonCq"), q_scale);
    auto q = by_fractal(cq, tokens, c.t("weightUqQr"));
    std::vector<float> part(static_cast<size_t>(tokens * nope)), absorbed(static_cast<size_t>(tokens) * 512);
    Tensor out = c.t("queryOut"), rope_out = c.t("queryRopeOut");
    for (int64_t h = 0; h < heads; h++) {
        for (int64_t t = 0; t < tokens; t++) {
            float *row = &q[(t * heads + h) * wide];
            std::copy(row, row + nope, &part[t * nope]);
            rotate_interleaved(row + nope, &cos[t * 64], &sin[t * 64], 64);
            write_row(rope_out, rope_out.offset + (t * heads + h) * 64, 1, 64, row + nope);
        }
        multiply(part.data(), tokens, nope, select(uk, 0, h), absorbed.data());
        for (int64_t t = 0; t < tokens; t++)
            write_row(out, out.offset + (t * heads + h) * 512, 1, 512, &absorbed[t * 512]);
    }
    auto kv = by_fractal(x, tokens, c.t("weightDkvKr"));
    auto index = integers(c.t(third ? "cacheIndexOptional" : "cacheIndex"));
    const std::string mode = c["cacheModeOptional"].text;
    for (int64_t t = 0; t < tokens; t++) {
        float *row = &kv[t * 576];
        normalise(row, gamma_kv, c.d("rmsnormEpsilonCkv"), k_scale);
        rotate_interleaved(row + 512, &cos[t * 64], &sin[t * 64], 64);
        if (index[t] == -1)
            continue;
        write_cache(c, c.t("kvCacheRef"), mode, index[t], row);
        write_cache(c, c.t("krCacheRef"), mode, index[t], row + 512);
    }
}

OPERATOR(aclnnMlaProlog) { check_prolog(c, false); }
RUN(aclnnMlaProlog) { run_prolog(c, false); }
OPERATOR(aclnnMlaPrologV2WeightNz) { check_prolog(c, false); }
RUN(aclnnMlaPrologV2WeightNz) { run_prolog(c, false); }
OPERATOR(aclnnMlaPrologV3WeightNz)
{
    check_prolog(c, true);
    for (const char *name : {"weightQuantMode", "kvCacheQuantMode", "queryQuantMode", "ckvkrRepoMode", "quantScaleRepoMode"})
        NEED(c.i(name) == 0, std::string("quantised forms are not emulated: ") + name);
    for (const char *name : {"dequantScaleQNopeOutOptional", "queryNormOutOptional", "dequantScaleQNormOutOptional", "actualSeqLenOptional", "kNopeClipAlphaOptional"})
        NEED(!c.has(name), std::string(name) + " is not emulated");
}
RUN(aclnnMlaPrologV3WeightNz) { run_prolog(c, true); }

} // namespace
} // namespace emu
