// The indexer that picks the keys a query shall see, and attention over what it picked. Lengths are device tensors.
#include "attention.h"

#include <numeric>

namespace emu {
namespace {

/* Queries by sequence, and where a sequence's keys lie. */
struct Sequences {
    bool tokens, paged;
    int64_t batches;
    std::vector<int64_t> q_start, q_len, kv_len, kv_start, table;
    int64_t columns = 0, block = 0, blocks = 0;
};

void split(const std::vector<int64_t> &ends, std::vector<int64_t> &start, std::vector<int64_t> &length)
{
    int64_t last = 0;
    for (int64_t end : ends) {
        if (end < last)
            bad_index("a cumulative length", end, last);
        start.push_back(last);
        length.push_back(end - last);
        last = end;
    }
}

Sequences sequences_of(Call &c, const char *q_layout, const char *kv_layout, const char *q_lengths, const char *kv_lengths, const char *table)
{
    Sequences s;
    Tensor &q = c.t("query"), &k = c.t("key");
    s.tokens = c[q_layout].text == "TND";
    s.paged = c[kv_layout].text == "PA_BSND";
    if (s.tokens) {
        split(integers(c.t(q_lengths)), s.q_start, s.q_len);
        s.batches = static_cast<int64_t>(s.q_len.size());
    } else {
        s.batches = q.dims[0];
        s.q_start.assign(s.batches, 0);
        s.q_len = c.has(q_lengths) ? integers(c.t(q_lengths)) : std::vector<int64_t>(s.batches, q.dims[1]);
    }
    if (s.paged) {
        s.kv_len = integers(c.t(kv_lengths));
        s.kv_start.assign(s.batches, 0);
        s.table = integers(c.t(table));
        s.columns = c.t(table).dims[1];
        s.block = k.dims[1];
        s.blocks = k.dims[0];
    } else if (c[kv_layout].text == "TND") {
        split(integers(c.t(kv_lengths)), s.kv_start, s.kv_len);
    } else {
        s.kv_start.assign(s.batches, 0);
        s.kv_len = c.has(kv_lengths) ? integers(c.t(kv_lengths)) : std::vector<int64_t>(s.batches, k.dims[1]);
    }
    int64_t most = s.paged ? s.columns * s.block : k.dims[c[kv_layout].text == "TND" ? 0 : 1];
    for (int64_t n : s.kv_len)
        if (n < 0 || n > most)
            bad_index("a length", n, most);
    return s;
}

/* Row i of a sequence in keys of one head: (blocks, block size, 1, D), (T, 1, D) or (B, S, 1, D). */
void read_key(const Sequences &s, const Tensor &k, int64_t b, int64_t i, float *to)
{
    int64_t at = k.offset;
    if (s.paged) {
        int64_t page = s.table[b * s.columns + i / s.block];
        if (page < 0 || page >= s.blocks)
            bad_index("a block of the table", page, s.blocks);
        at += page * k.strides[0] + i % s.block * k.strides[1];
    } else {
        at += k.rank() == 3 ? (s.kv_start[b] + i) * k.strides[0] : b * k.strides[0] + i * k.strides[1];
    }
    read_row(k, at, k.stride(-1), k.dim(-1), to);
}

void check_layouts(Call &c, const char *q_layout, const char *kv_layout)
{
    const std::string &q = c[q_layout].text, &kv = c[kv_layout].text;
    NEED(q == "BSND" || q == "TND", "the queries' layout is BSND or TND");
    NEED(kv == "PA_BSND" || kv == q, "the keys' layout is PA_BSND or the queries'");
    Tensor &query = c.t("query"), &key = c.t("key");
    NEED(query.rank() == (q == "TND" ? 3 : 4) && key.rank() == (kv == "TND" ? 3 : 4), "query or key has the wrong rank");
    NEED(key.dim(-2) == 1, "one key head");
    NEED(query.type == key.type && (query.type == BF16 || query.type == F16), "query and key are 16-bit floats of one type");
}

int64_t seen_by(int64_t mode, int64_t step, int64_t q_len, int64_t kv_len)
{
    return mode == 3 ? std::max<int64_t>(0, std::min(kv_len, kv_len - q_len + step + 1)) : kv_len;
}

OPERATOR(aclnnLightningIndexer)
{
    check_layouts(c, "layoutQueryOptional", "layoutKeyOptional");
    Tensor &q = c.t("query"), &out = c.t("sparseIndicesOut");
    int64_t n = c.i("sparseCount");
    LIMIT(q.dim(-2) <= 64 && q.dim(-1) == 128 && c.t("key").dim(-1) == 128, "at most 64 heads of 128");
    LIMIT((n >= 1 && n <= 2048) || (n >= 3072 && n <= 8192 && n % 1024 == 0), "sparseCount is 1 to 2048, or 3072 to 8192");
    NEED(c.i("sparseMode") == 0 || c.i("sparseMode") == 3, "sparseMode is 0 or 3");
    NEED(c.t("weights").count() * 128 == q.count(), "one weight a query head");
    NEED(out.type == INT32 && out.dim(-1) == n && out.count() == q.count() / q.dim(-1) / q.dim(-2) * n, "sparseIndicesOut is INT32, sparseCount a query");
    bool paged = c["layoutKeyOptional"].text == "PA_BSND";
    NEED(!paged || (c.has("blockTableOptional") && c.has("actualSeqLengthsKeyOptional")), "pages need a block table and lengths");
    NEED(c["layoutQueryOptional"].text != "TND" || c.has("actualSeqLengthsQueryOptional"), "TND needs lengths");
    for (const char *name : {"actualSeqLengthsQueryOptional", "actualSeqLengthsKeyOptional", "blockTableOptional"})
        NEED(!c.has(name) || c.t(name).type == INT32, std::string(name) + " is INT32");
    NEED(!c.i("returnValues") || c.has("sparseValuesOut"), "returnValues needs sparseValuesOut");
}
RUN(aclnnLightningIndexer)
{
    Sequences s = sequences_of(c, "layoutQueryOptional", "layoutKeyOptional", "actualSeqLengthsQueryOptional", "actualSeqLengthsKeyOptional", "blockTableOptional");
    Tensor &q_t = c.t("query"), &k = c.t("key"), &out = c.t("sparseIndicesOut");
    HeadRows q(q_t, s.tokens ? "TND" : "BSND", q_t.dim(-2));
    auto weights = floats(c.t("weights"));
    int64_t heads = q.heads, n = c.i("sparseCount");
    std::vector<float> query(static_cast<size_t>(heads) * 128), key(128), scores, top(n);
    std::vector<int64_t> ids(n), order;
    for (int64_t b = 0; b < s.batches; b++)
        for (int64_t step = 0; step < s.q_len[b]; step++) {
            int64_t batch = s.tokens ? 0 : b, at = s.q_start[b] + step, row = batch * q.steps + at;
            int64_t limit = seen_by(c.i("sparseMode"), step, s.q_len[b], s.kv_len[b]);
            for (int64_t h = 0; h < heads; h++)
                q.read(batch, at, h, &query[h * 128]);
            scores.assign(limit, 0.f);
            for (int64_t i = 0; i < limit; i++) {
                read_key(s, k, b, i, key.data());
                for (int64_t h = 0; h < heads; h++)
                    scores[i] += weights[row * heads + h] * std::max(0.f, dot(&query[h * 128], key.data(), 128));
            }
            order.resize(limit);
            std::iota(order.begin(), order.end(), 0);
            std::stable_sort(order.begin(), order.end(), [&](int64_t x, int64_t y) { return scores[x] > scores[y]; });
            for (int64_t j = 0; j < n; j++) {
                ids[j] = j < limit ? order[j] : -1;
                top[j] = j < limit ? scores[order[j]] : -std::numeric_limits<float>::infinity();
            }
            write_row(out, out.offset + row * n, 1, n, ids.data());
            if (c.i("returnValues"))
                write_row(c.t("sparseValuesOut"), c.t("sparseValuesOut").offset + row * n, 1, n, top.data());
        }
}

OPERATOR(aclnnSparseFlashAttention)
{
    check_layouts(c, "layoutQuery", "layoutKv");
    Tensor &q = c.t("query"), &k = c.t("key"), &out = c.t("attentionOutOut"), &ids = c.t("sparseIndices");
    LIMIT(q.dim(-1) == 512 && k.dim(-1) == 512 && c.has("queryRope") && c.has("keyRope"), "the head size is 512, with rope parts");
    LIMIT(c.i("attentionMode") == 2, "attentionMode is 2");
    LIMIT(!(q.dim(-2) & (q.dim(-2) - 1)) && q.dim(-2) <= 128, "1, 2, 4 to 128 heads");
    NEED(c.t("queryRope").dim(-1) == 64 && c.t("keyRope").dim(-1) == 64, "the rope parts are 64 wide");
    NEED(c.t("value").address == k.address, "value is key");
    NEED(c.i("sparseMode") == 0 || c.i("sparseMode") == 3, "sparseMode is 0 or 3");
    LIMIT(c.i("sparseBlockSize") >= 1 && c.i("sparseBlockSize") <= 128, "sparseBlockSize is 1 to 128");
    NEED(ids.type == INT32 && ids.count() % std::max<int64_t>(1, q.count() / q.dim(-1) / q.dim(-2)) == 0, "sparseIndices is INT32, some a query");
    NEED(out.dims == q.dims && out.type == q.type && out.contiguous(), "attentionOutOut is like query");
    bool paged = c["layoutKv"].text == "PA_BSND";
    NEED(!paged || (c.has("blockTable") && c.has("actualSeqLengthsKv")), "pages need a block table and lengths");
    NEED(c["layoutQuery"].text != "TND" || c.has("actualSeqLengthsQuery"), "TND needs lengths");
    NEED(!c.i("returnSoftmaxLse") || (c.has("softmaxMaxOut") && c.has("softmaxSumOut")), "returnSoftmaxLse needs its outputs");
}
RUN(aclnnSparseFlashAttention)
{
    Sequences s = sequences_of(c, "layoutQuery", "layoutKv", "actualSeqLengthsQuery", "actualSeqLengthsKv", "blockTable");
    Tensor &q_t = c.t("query"), &k = c.t("key"), &kr = c.t("keyRope"), &ids_t = c.t("sparseIndices");
    std::string layout = s.tokens ? "TND" : "BSND";
    int64_t heads = q_t.dim(-2), block = c.i("sparseBlockSize");
    HeadRows q(q_t, layout, heads), q_rope(c.t("queryRope"), layout, heads), out(c.t("attentionOutOut"), layout, heads);
    auto ids = integers(ids_t);
    int64_t rows = q_t.count() / 512 / heads, each = static_cast<int64_t>(ids.size()) / std::max<int64_t>(1, rows);
    float scale = static_cast<float>(c.d("scaleValue"));
    std::vector<float> query(512), query_rope(64), keys, key_rope, scores, result(512), tops, sums;
    tops.assign(static_cast<size_t>(rows * heads), 0.f);
    sums = tops;
    for (int64_t b = 0; b < s.batches; b++)
        for (int64_t step = 0; step < s.q_len[b]; step++) {
            int64_t batch = s.tokens ? 0 : b, at = s.q_start[b] + step, row = batch * q.steps + at;
            int64_t limit = seen_by(c.i("sparseMode"), step, s.q_len[b], s.kv_len[b]), n = 0;
            keys.clear();
            key_rope.clear();
            for (int64_t j = 0; j < each; j++) {
                int64_t first = ids[row * each + j];
                if (first == -1)
                    continue;
                if (first < 0 || first * block >= s.kv_len[b])
                    bad_index("a sparse index", first, (s.kv_len[b] + block - 1) / block);
                for (int64_t i = first * block; i < std::min(limit, (first + 1) * block); i++, n++) {
                    keys.resize((n + 1) * 512);
                    key_rope.resize((n + 1) * 64);
                    read_key(s, k, b, i, &keys[n * 512]);
                    read_key(s, kr, b, i, &key_rope[n * 64]);
                }
            }
            for (int64_t h = 0; h < heads; h++) {
                q.read(batch, at, h, query.data());
                q_rope.read(batch, at, h, query_rope.data());
                scores.resize(n);
                for (int64_t i = 0; i < n; i++)
                    scores[i] = scale * (dot(query.data(), &keys[i * 512], 512) + dot(query_rope.data(), &key_rope[i * 64], 64));
                Softmax soft = softmax_of(scores);
                tops[row * heads + h] = soft.top;
                sums[row * heads + h] = soft.sum;
                std::fill(result.begin(), result.end(), 0.f);
                for (int64_t i = 0; i < n; i++)
                    for (int64_t d = 0; d < 512; d++)
                        result[d] += scores[i] * keys[i * 512 + d];
                out.write(batch, at, h, result.data());
            }
        }
    if (c.i("returnSoftmaxLse")) {
        write_all(c.t("softmaxMaxOut"), tops.data());
        write_all(c.t("softmaxSumOut"), sums.data());
    }
}

} // namespace
} // namespace emu
