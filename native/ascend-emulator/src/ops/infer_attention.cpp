// FusedInferAttentionScore: attention for inference, plain, grouped or latent (MLA), over contiguous or paged caches.
#include "attention.h"

namespace emu {
namespace {

bool power_of_two(int64_t n) { return n > 0 && !(n & (n - 1)); }

/* Keys or values, where they are contiguous or in pages. */
struct Source {
    const Tensor *t = nullptr;
    HeadRows rows;            // not paged
    bool fractal = false;
    int64_t heads = 1, d = 0, block = 0;
    bool by_head = false;     // (blocks, heads, block size, d), else (blocks, block size, heads d)

    Source(const Tensor &tensor, const std::string &layout, int64_t n, bool paged) : t(&tensor), heads(n)
    {
        if (!paged) {
            rows = HeadRows(tensor, layout, n);
            d = rows.d;
            return;
        }
        NEED(tensor.rank() >= 3 && tensor.rank() <= 5 && tensor.contiguous(), "a paged cache is contiguous, of rank 3 to 5: " + tensor.text());
        fractal = tensor.rank() == 5;
        by_head = tensor.rank() >= 4;
        if (fractal) {
            NEED(tensor.dims[1] == n && n == 1 && tensor.dims[4] == 32 / static_cast<int64_t>(tensor.element()), "a fractal cache is (blocks, 1, D/C0, block size, C0)");
            d = tensor.dims[2] * tensor.dims[4];
            block = tensor.dims[3];
        } else if (by_head) {
            NEED(tensor.dims[1] == n, "the cache has another number of heads");
            d = tensor.dims[3];
            block = tensor.dims[2];
        } else {
            NEED(tensor.dims[2] % n == 0, "the cache's width is not a multiple of the heads");
            d = tensor.dims[2] / n;
            block = tensor.dims[1];
        }
    }

    void read_page(int64_t page, int64_t within, int64_t head, float *to) const
    {
        if (fractal) {
            int64_t c0 = t->dims[4];
            for (int64_t i = 0; i < d; i += c0)
                read_row(*t, t->offset + ((page * (d / c0) + i / c0) * block + within) * c0, 1, c0, to + i);
            return;
        }
        int64_t at = by_head ? ((page * heads + head) * block + within) * d : (page * block + within) * heads * d + head * d;
        read_row(*t, t->offset + at, 1, d, to);
    }
};

struct Plan {
    std::string layout, out_layout;
    bool tokens, paged, latent, has_rope;
    int64_t heads, kv_heads, batches;
    std::vector<int64_t> q_start, q_len, kv_start, kv_len;
};

std::vector<int64_t> lengths(const std::vector<int64_t> &given, int64_t batches, int64_t all)
{
    if (given.empty())
        return std::vector<int64_t>(batches, all);
    NEED(given.size() == 1 || static_cast<int64_t>(given.size()) >= batches, "a list of lengths is shorter than the batch");
    std::vector<int64_t> out(batches);
    for (int64_t b = 0; b < batches; b++) {
        out[b] = given[given.size() == 1 ? 0 : b];
        NEED(out[b] >= 0 && out[b] <= all, format("a length of %lld, at most %lld", (long long)out[b], (long long)all));
    }
    return out;
}

void from_ends(const std::vector<int64_t> &ends, int64_t all, std::vector<int64_t> &start, std::vector<int64_t> &length)
{
    int64_t last = 0;
    for (int64_t end : ends) {
        NEED(end >= last && end <= all, "cumulative lengths rise, up to the tokens there are");
        start.push_back(last);
        length.push_back(end - last);
        last = end;
    }
}

Plan plan_of(Call &c)
{
    Plan p;
    const std::string full = c["inputLayout"].text;
    size_t cut = full.find('_');
    p.layout = full.substr(0, cut);
    p.out_layout = cut == std::string::npos ? p.layout : full.substr(cut + 1);
    static const std::set<std::string> known = {"BSH", "BSND", "BNSD", "BNSD_NBSD", "BSND_NBSD", "BSH_NBSD", "TND", "TND_NTD", "BNSD_BSND"};
    NEED(known.count(full), "the layout is unknown: " + full);
    p.tokens = p.layout == "TND";
    p.heads = c.i("numHeads");
    p.kv_heads = c.i("numKeyValueHeads") ? c.i("numKeyValueHeads") : p.heads;
    p.paged = c.has("blockTableOptional");
    p.has_rope = c.knows("queryRopeOptional") && c.has("queryRopeOptional");
    NEED(p.heads > 0 && p.kv_heads > 0 && p.heads % p.kv_heads == 0, "numHeads is not a multiple of numKeyValueHeads");
    HeadRows q(c.t("query"), p.layout, p.heads);
    p.latent = p.has_rope && q.d == 512;
    auto &q_lengths = c["actualSeqLengthsOptional"].ints, &kv_lengths = c["actualSeqLengthsKvOptional"].ints;
    const Tensor &key = c["key"].tensors.at(0);
    if (p.tokens) {
        NEED(!q_lengths.empty() && !kv_lengths.empty(), "TND needs both lists of lengths");
        from_ends(q_lengths, q.steps, p.q_start, p.q_len);
        NEED(q_lengths.back() == q.steps, "the last cumulative length is not the number of tokens");
        p.batches = static_cast<int64_t>(q_lengths.size());
        NEED(static_cast<int64_t>(kv_lengths.size()) == p.batches, "the lists of lengths differ in length");
    } else {
        p.batches = q.batches;
        p.q_start.assign(p.batches, 0);
        p.q_len = lengths(q_lengths, p.batches, q.steps);
    }
    if (p.paged) {
        NEED(!kv_lengths.empty(), "a paged cache needs actualSeqLengthsKv");
        Tensor &table = c.t("blockTableOptional");
        NEED(table.type == INT32 && table.rank() == 2 && table.dims[0] == p.batches, "blockTable is (batch, blocks) INT32");
        p.kv_start.assign(p.batches, 0);
        p.kv_len = lengths(kv_lengths, p.batches, table.dims[1] * c.i("blockSize"));
    } else if (p.tokens) {
        from_ends(kv_lengths, HeadRows(key, p.layout, p.kv_heads).steps, p.kv_start, p.kv_len);
    } else {
        HeadRows k(key, p.layout, p.kv_heads);
        NEED(k.batches == p.batches, "keys have another batch");
        p.kv_start.assign(p.batches, 0);
        p.kv_len = lengths(kv_lengths, p.batches, k.steps);
    }
    return p;
}

void check_mask(Call &c, int64_t mode)
{
    NEED(mode == 0 || mode == 1 || mode == 2 || mode == 3 || mode == 4, "sparseMode is 0 to 4");
    bool has = c.has("attenMaskOptional");
    if (mode >= 2) {
        NEED(has, "this sparseMode needs the compressed mask");
        Tensor &m = c.t("attenMaskOptional");
        NEED(m.rank() >= 2 && m.dim(-1) == 2048 && m.dim(-2) == 2048, "the compressed mask is (2048, 2048)");
    }
    if (has) {
        Tensor &m = c.t("attenMaskOptional");
        NEED(m.type == BOOL || m.type == INT8 || m.type == UINT8, "the mask is BOOL, INT8 or UINT8");
    }
}

void check_infer(Call &c)
{
    for (const char *name : {"pseShiftOptional", "deqScale1Optional", "quantScale1Optional", "deqScale2Optional", "quantScale2Optional", "quantOffset2Optional",
             "antiquantScaleOptional", "antiquantOffsetOptional", "queryPaddingSizeOptional", "kvPaddingSizeOptional", "keyAntiquantScaleOptional",
             "keyAntiquantOffsetOptional", "valueAntiquantScaleOptional", "valueAntiquantOffsetOptional", "keySharedPrefixOptional", "valueSharedPrefixOptional"})
        NEED(!c.has(name), std::string(name) + " is not emulated");
    Tensor &q_t = c.t("query");
    NEED(q_t.type == BF16 || q_t.type == F16, "queries are BF16 or FLOAT16");
    auto &keys = c["key"].tensors, &values = c["value"].tensors;
    NEED(keys.size() == 1 && values.size() == 1, "one tensor of keys and one of values");
    NEED(keys[0].type == q_t.type && values[0].type == q_t.type && c.t("attentionOut").type == q_t.type, "queries, keys, values and out have one type");
    Plan p = plan_of(c);
    HeadRows q(q_t, p.layout, p.heads), out(c.t("attentionOut"), p.out_layout, p.heads);
    Source k(keys[0], p.layout, p.kv_heads, p.paged), v(values[0], p.layout, p.kv_heads, p.paged);
    NEED(q.d == k.d, "queries and keys have different sizes");
    NEED(out.d == v.d && out.steps == q.steps && out.batches == q.batches, "attentionOut has not the queries' shape with the values' size");
    int64_t mode = c.i("sparseMode");
    check_mask(c, mode);
    LIMIT(p.heads <= 256, "at most 256 heads");
    LIMIT(p.heads / p.kv_heads <= 64 || p.latent, "at most 64 queries a key head");
    LIMIT(q.d <= 512, "the head size is at most 512");
    LIMIT(p.latent || k.d == v.d || (k.d == 192 && v.d == 128 && p.tokens), "values as wide as keys, or 128 beside keys of 192, TND");
    if (p.has_rope) {
        NEED(c.has("keyRopeOptional"), "queryRope without keyRope");
        HeadRows qr(c.t("queryRopeOptional"), p.layout, p.heads);
        Source kr(c.t("keyRopeOptional"), p.layout, p.kv_heads, p.paged);
        NEED(qr.d == 64 && kr.d == 64 && qr.steps == q.steps && qr.batches == q.batches, "the rope parts are 64 wide and fit the queries");
        NEED(c.t("queryRopeOptional").type == q_t.type && c.t("keyRopeOptional").type == q_t.type, "the rope parts have the queries' type");
        LIMIT(q.d == 512 || q.d == 128, "with rope the head size is 512 or 128");
        if (p.latent) {
            LIMIT(power_of_two(p.heads) && p.heads <= 128, "latent attention takes 1, 2, 4 to 128 heads");
            LIMIT(p.kv_heads == 1, "latent attention has one key head");
            LIMIT(mode == 0 || mode == 3 || mode == 4, "latent attention takes sparseMode 0, 3 or 4");
            for (int64_t n : p.q_len)
                LIMIT(n <= 16, "latent attention takes at most 16 queries a sequence");
        } else {
            LIMIT(p.kv_heads == p.heads && p.tokens, "head size 128 with rope: as many key heads as heads, TND");
            LIMIT(mode == 0 || mode == 3, "head size 128 with rope takes sparseMode 0 or 3");
        }
    } else {
        LIMIT(!(p.out_layout != p.layout && p.out_layout != "BSND"), "this output layout needs the rope parts");
    }
    if (p.paged) {
        LIMIT(c.i("blockSize") == k.block && v.block == k.block, "blockSize is not the cache's");
        LIMIT(k.block % 16 == 0 && k.block >= 16 && k.block <= 1024, "the block size is a multiple of 16 up to 1024");
        c.by_itself = {"key", "value"};
        if (p.has_rope)
            c.by_itself.insert("keyRopeOptional");
    }
    for (const char *name : {"query", "key", "value", "queryRopeOptional", "keyRopeOptional", "attentionOut"})
        if (c.knows(name) && c.has(name))
            NEED(c[name].tensors[0].contiguous(), std::string(name) + " is not contiguous");
    if (c.i("softmaxLseFlag")) {
        Tensor &lse = c.t("softmaxLse");
        NEED(lse.type == F32 && lse.count() == q.batches * q.steps * p.heads, "softmaxLse is FLOAT, one a query and head");
    }
}

bool visible(int64_t mode, int64_t q, int64_t q_len, int64_t kv, int64_t kv_len, int64_t before, int64_t after)
{
    int64_t shift = kv_len - q_len; // right-down: the last query sees the last key
    switch (mode) {
    case 2: return kv <= q;
    case 3: return kv <= q + shift;
    case 4: return kv <= q + shift + after && kv >= q + shift - before;
    default: return true;
    }
}

/* Reads rows [0, n) of one head of a sequence. */
std::vector<float> gather_rows(Call &c, const Source &s, const std::vector<int64_t> &pages, int64_t b, int64_t start, int64_t n, int64_t head, bool touch)
{
    std::vector<float> rows(static_cast<size_t>(n * s.d));
    for (int64_t i = 0; i < n; i++) {
        if (pages.empty()) {
            s.rows.read(b, start + i, head, &rows[i * s.d]);
            continue;
        }
        int64_t page = pages[i / s.block];
        if (page < 0 || page >= s.t->dims[0])
            bad_index("a block of the table", page, s.t->dims[0]);
        if (touch && i % s.block == 0) {
            int64_t width = s.heads * s.d;
            bool whole = s.fractal || (s.by_head && s.heads > 1);
            c.touch(*s.t, s.t->offset + page * s.block * width, (whole ? s.block : std::min(s.block, n - i)) * width, false);
        }
        s.read_page(page, i % s.block, head, &rows[i * s.d]);
    }
    return rows;
}

/* The compressed modes take their shape from the mode, not from the mask, which must be ones above the diagonal. */
void check_compressed(const Tensor &mask)
{
    const auto *ones = backing(mask.address) + mask.offset;
    for (int64_t row = 0; row < 2048; row++)
        for (int64_t column = 0; column < 2048; column++)
            if ((ones[row * mask.stride(-2) + column] != 0) != (column > row)) {
                violation(14, UNDEFINED, format("the compressed mask is not ones above the diagonal: row %lld, column %lld", (long long)row, (long long)column));
                return;
            }
}

void run_infer(Call &c)
{
    Plan p = plan_of(c);
    if (c.i("sparseMode") >= 2)
        check_compressed(c.t("attenMaskOptional"));
    HeadRows q(c.t("query"), p.layout, p.heads), out(c.t("attentionOut"), p.out_layout, p.heads), q_rope;
    Source k(c["key"].tensors[0], p.layout, p.kv_heads, p.paged), v(c["value"].tensors[0], p.layout, p.kv_heads, p.paged);
    std::unique_ptr<Source> k_rope;
    if (p.has_rope) {
        q_rope = HeadRows(c.t("queryRopeOptional"), p.layout, p.heads);
        k_rope.reset(new Source(c.t("keyRopeOptional"), p.layout, p.kv_heads, p.paged));
    }
    std::vector<int64_t> table, pages;
    if (p.paged)
        table = integers(c.t("blockTableOptional"));
    int64_t mode = c.i("sparseMode"), per = p.heads / p.kv_heads, columns = p.paged ? c.t("blockTableOptional").dims[1] : 0;
    float scale = static_cast<float>(c.d("scaleValue"));
    std::vector<float> sinks;
    if (c.knows("learnableSinkOptional") && c.has("learnableSinkOptional"))
        sinks = floats(c.t("learnableSinkOptional"));
    std::vector<float> query(q.d), query_rope(64), result(v.d), lse(static_cast<size_t>(q.batches * q.steps * p.heads), 0.f), scores;
    bool shared = c["key"].tensors[0].address == c["value"].tensors[0].address && c["key"].tensors[0].offset == c["value"].tensors[0].offset && k.d == v.d;
    for (int64_t b = 0; b < p.batches; b++) {
        int64_t n = p.kv_len[b];
        if (p.paged) {
            int64_t used = (n + k.block - 1) / k.block;
            pages.assign(table.begin() + b * columns, table.begin() + b * columns + used);
        }
        int64_t batch = p.tokens ? 0 : b;
        for (int64_t h = 0; h < p.kv_heads; h++) {
            auto keys = gather_rows(c, k, pages, batch, p.kv_start[b], n, h, h == 0);
            auto values = shared ? std::vector<float>() : gather_rows(c, v, pages, batch, p.kv_start[b], n, h, h == 0);
            const float *value = shared ? keys.data() : values.data();
            std::vector<float> key_rope;
            if (k_rope)
                key_rope = gather_rows(c, *k_rope, pages, batch, p.kv_start[b], n, h, h == 0);
            for (int64_t s = 0; s < p.q_len[b]; s++)
                for (int64_t g = 0; g < per; g++) {
                    int64_t head = h * per + g, step = p.q_start[b] + s;
                    q.read(batch, step, head, query.data());
                    if (k_rope)
                        q_rope.read(batch, step, head, query_rope.data());
                    scores.assign(n, -std::numeric_limits<float>::infinity());
                    for (int64_t i = 0; i < n; i++) {
                        if (!visible(mode, s, p.q_len[b], i, n, c.i("preTokens"), c.i("nextTokens")))
                            continue;
                        if (mode < 2 && c.has("attenMaskOptional")) {
                            const Tensor &m = c.t("attenMaskOptional");
                            int64_t at = m.offset + s * m.stride(-2) + i * m.stride(-1) + (m.rank() > 2 && m.dims[0] > 1 ? b * m.strides[0] : 0);
                            if (*(backing(m.address) + at))
                                continue;
                        }
                        float dotted = dot(query.data(), &keys[i * k.d], k.d);
                        if (k_rope)
                            dotted += dot(query_rope.data(), &key_rope[i * 64], 64);
                        scores[i] = dotted * scale;
                    }
                    if (!sinks.empty())
                        scores.push_back(sinks[head]);
                    Softmax soft = softmax_of(scores);
                    std::fill(result.begin(), result.end(), 0.f);
                    for (int64_t i = 0; i < n; i++)
                        if (scores[i] != 0)
                            for (int64_t j = 0; j < v.d; j++)
                                result[j] += scores[i] * value[i * v.d + j];
                    out.write(batch, step, head, result.data());
                    int64_t row = p.tokens ? step * p.heads + head : (b * p.heads + head) * q.steps + step;
                    lse[row] = soft.sum > 0 ? soft.top + std::log(soft.sum) : std::numeric_limits<float>::infinity();
                }
        }
        // Queries beyond a sequence's length: zeros.
        std::fill(result.begin(), result.end(), 0.f);
        for (int64_t s = p.q_len[b]; !p.tokens && s < q.steps; s++)
            for (int64_t head = 0; head < p.heads; head++)
                out.write(b, s, head, result.data());
    }
    if (c.i("softmaxLseFlag"))
        write_all(c.t("softmaxLse"), lse.data());
}

#define INFER(op)                                                                                                              \
    OPERATOR(op) { check_infer(c); }                                                                                           \
    RUN(op) { run_infer(c); }
INFER(aclnnFusedInferAttentionScoreV2)
INFER(aclnnFusedInferAttentionScoreV3)
INFER(aclnnFusedInferAttentionScoreV4)

} // namespace
} // namespace emu
