// Mixture of experts: gates, sorting tokens by expert, and bringing them back.
#include "elements.h"

#include <numeric>

namespace emu {
namespace {

float sigmoid(float x) { return 1 / (1 + std::exp(-x)); }

/* Indices of the k largest, the larger first, the lower index first among equals, NaN last. */
std::vector<int64_t> largest(const float *values, int64_t n, int64_t k)
{
    std::vector<int64_t> order(n);
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [values](int64_t a, int64_t b) {
        if (std::isnan(values[a]) || std::isnan(values[b]))
            return !std::isnan(values[a]) && std::isnan(values[b]);
        return values[a] > values[b];
    });
    order.resize(k);
    return order;
}

void softmax(float *row, int64_t n)
{
    float top = *std::max_element(row, row + n), sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += row[i] = std::exp(row[i] - top);
    for (int64_t i = 0; i < n; i++)
        row[i] /= sum;
}

void check_gate(Call &c)
{
    Tensor &x = c.t("x");
    NEED(x.rank() == 2, "x is (tokens, experts)");
    int64_t experts = x.dims[1], k = c.i("k"), groups = c.i("groupCount"), kept = c.i("kGroup");
    LIMIT(experts <= 2048, "at most 2048 experts");
    NEED(groups >= 1 && experts % groups == 0, "groupCount divides the experts");
    NEED(kept >= 1 && kept <= groups, "kGroup is 1 to groupCount");
    NEED(k >= 1 && k <= kept * (experts / groups), "k exceeds the experts of the kept groups");
    NEED(c.i("groupSelectMode") == 0 || c.i("groupSelectMode") == 1, "groupSelectMode is 0 or 1");
    NEED(c.i("groupSelectMode") == 0 || experts / groups >= 2, "the sum of the top 2 needs 2 experts a group");
    int64_t norm = c.i("normType");
    NEED(norm == 0 || norm == 1 || (norm == 2 && state().settings.product == Product::A950), "normType is 0 or 1, or 2 on 950");
    NEED(c.i("renorm") == 0 || c.i("renorm") == 1, "renorm is 0 or 1");
    NEED(c.t("yOut").dims == (std::vector<int64_t>{x.dims[0], k}) && c.t("yOut").type == x.type, "yOut is (tokens, k) of x's type");
    NEED(c.t("expertIdxOut").dims == c.t("yOut").dims && c.t("expertIdxOut").type == INT32, "expertIdxOut is (tokens, k) INT32");
    if (c.has("biasOptional"))
        NEED(c.t("biasOptional").rank() == 1 && c.t("biasOptional").dims[0] == experts, "one bias an expert");
    if (c.i("outFlag"))
        NEED(c.has("outOut") && c.t("outOut").dims == x.dims && c.t("outOut").type == F32, "outOut is FLOAT and shaped like x");
}

/* The experts of one token by groups and biased scores. */
std::vector<int64_t> choose(Call &c, const std::vector<float> &biased)
{
    int64_t experts = static_cast<int64_t>(biased.size()), groups = c.i("groupCount"), size = experts / groups, kept = c.i("kGroup");
    if (kept == groups)
        return largest(biased.data(), experts, c.i("k"));
    std::vector<float> of_group(groups), open(experts, -std::numeric_limits<float>::infinity());
    for (int64_t g = 0; g < groups; g++) {
        auto top = largest(&biased[g * size], size, c.i("groupSelectMode") == 1 ? 2 : 1);
        for (int64_t i : top)
            of_group[g] += biased[g * size + i];
    }
    for (int64_t g : largest(of_group.data(), groups, kept))
        std::copy(&biased[g * size], &biased[g * size] + size, &open[g * size]);
    return largest(open.data(), experts, c.i("k"));
}

void run_gate(Call &c, const std::function<std::vector<int64_t>(int64_t)> &hashed)
{
    Tensor &x = c.t("x");
    int64_t tokens = x.dims[0], experts = x.dims[1], k = c.i("k"), norm = c.i("normType");
    auto scores = floats(x);
    std::vector<float> bias(experts, 0.f), y(tokens * k);
    std::vector<int64_t> ids(tokens * k);
    if (c.has("biasOptional"))
        bias = floats(c.t("biasOptional"));
    for (int64_t t = 0; t < tokens; t++) {
        float *row = &scores[t * experts];
        if (norm == 0)
            softmax(row, experts);
        else
            for (int64_t e = 0; e < experts; e++)
                row[e] = norm == 1 ? sigmoid(row[e]) : std::sqrt(std::log1p(std::exp(-std::fabs(row[e]))) + std::max(row[e], 0.f));
        std::vector<float> biased(row, row + experts);
        for (int64_t e = 0; e < experts; e++)
            biased[e] += bias[e];
        auto chosen = hashed ? hashed(t) : choose(c, biased);
        float sum = static_cast<float>(c.d("eps")), scale = static_cast<float>(c.d("routedScalingFactor"));
        for (int64_t e : chosen)
            sum += row[e];
        for (int64_t j = 0; j < k; j++) {
            ids[t * k + j] = chosen[j];
            y[t * k + j] = row[chosen[j]] / (norm != 0 || c.i("renorm") == 1 ? sum : 1.f) * scale;
        }
    }
    write_all(c.t("yOut"), y.data());
    write_all(c.t("expertIdxOut"), ids.data());
    if (c.i("outFlag"))
        write_all(c.t("outOut"), scores.data());
}

OPERATOR(aclnnMoeGatingTopK) { check_gate(c); }
RUN(aclnnMoeGatingTopK) { run_gate(c, nullptr); }

OPERATOR(aclnnMoeGatingTopKV2)
{
    check_gate(c);
    NEED(c.has("inputIdsOptional") == c.has("tid2eidOptional"), "inputIds and tid2eid come together");
    if (c.has("tid2eidOptional"))
        NEED(c.t("tid2eidOptional").dims[1] == c.i("k") && c.t("inputIdsOptional").dims[0] == c.t("x").dims[0], "tid2eid is (tokens, k)");
}
RUN(aclnnMoeGatingTopKV2)
{
    if (!c.has("tid2eidOptional")) {
        run_gate(c, nullptr);
        return;
    }
    auto ids = integers(c.t("inputIdsOptional")), table = integers(c.t("tid2eidOptional"));
    int64_t k = c.i("k"), rows = c.t("tid2eidOptional").dims[0], experts = c.t("x").dims[1];
    run_gate(c, [&](int64_t t) {
        if (ids[t] < 0 || ids[t] >= rows)
            bad_index("a token id", ids[t], rows);
        std::vector<int64_t> chosen(&table[ids[t] * k], &table[ids[t] * k] + k);
        for (int64_t e : chosen)
            if (e < 0 || e >= experts)
                bad_index("an expert of tid2eid", e, experts);
        return chosen;
    });
}

void check_softmax_gate(Call &c)
{
    Tensor &x = c.t("x");
    int64_t k = c.i("k");
    NEED(x.rank() >= 2 && k >= 1 && k <= x.dim(-1), "k is 1 to the experts");
    LIMIT(k <= 1024, "k is at most 1024");
    auto dims = x.dims;
    dims.back() = k;
    NEED(c.t("yOut").dims == dims && c.t("yOut").type == x.type && c.t("expertIdxOut").dims == dims, "the outputs are (tokens, k)");
}

void run_softmax_gate(Call &c, bool renorm)
{
    Tensor &x = c.t("x");
    int64_t experts = x.dim(-1), tokens = x.count() / experts, k = c.i("k");
    auto scores = floats(x);
    std::vector<float> y(tokens * k);
    std::vector<int64_t> ids(tokens * k), finished;
    if (c.has("finishedOptional"))
        finished = integers(c.t("finishedOptional"));
    for (int64_t t = 0; t < tokens; t++) {
        float *row = &scores[t * experts], sum = 0;
        softmax(row, experts);
        auto chosen = largest(row, experts, k);
        for (int64_t e : chosen)
            sum += row[e];
        for (int64_t j = 0; j < k; j++) {
            ids[t * k + j] = !finished.empty() && finished[t] ? experts : chosen[j];
            y[t * k + j] = row[chosen[j]] / (renorm ? sum : 1.f);
        }
    }
    write_all(c.t("yOut"), y.data());
    write_all(c.t("expertIdxOut"), ids.data());
    if (!renorm && c.op->count == 8 && c.has("softmaxResultOutOptional") && c.i("outputSoftmaxResultFlag"))
        write_all(c.t("softmaxResultOutOptional"), scores.data());
}
OPERATOR(aclnnMoeGatingTopKSoftmax)
{
    check_softmax_gate(c);
    NEED(c.t("rowIdxOut").dims == c.t("yOut").dims, "rowIdxOut is (tokens, k)");
}
RUN(aclnnMoeGatingTopKSoftmax)
{
    run_softmax_gate(c, false);
    Tensor &out = c.t("rowIdxOut");
    int64_t k = c.i("k"), tokens = out.count() / k;
    std::vector<int64_t> rows(out.count());
    for (int64_t i = 0; i < out.count(); i++)
        rows[i] = i % k * tokens + i / k; // by columns
    write_all(out, rows.data());
}
OPERATOR(aclnnMoeGatingTopKSoftmaxV2) { check_softmax_gate(c); }
RUN(aclnnMoeGatingTopKSoftmaxV2) { run_softmax_gate(c, c.i("renorm") == 1); }

// ---- sorting tokens by expert

struct Sorted {
    std::vector<int64_t> position; // of token slot i among the sorted rows, -1 if it is not there
    std::vector<int64_t> counts;   // by expert of the range
    int64_t rows = 0;
};
Sorted sort_by_expert(const Tensor &experts, int64_t first, int64_t end, int64_t all)
{
    auto ids = integers(experts);
    Sorted s;
    s.counts.assign(end - first, 0);
    s.position.assign(ids.size(), -1);
    for (int64_t e : ids)
        if (e < 0 || e >= all)
            bad_index("an expert", e, all);
        else if (e >= first && e < end)
            s.counts[e - first]++;
    std::vector<int64_t> next(end - first, 0);
    for (size_t e = 1; e < next.size(); e++)
        next[e] = next[e - 1] + s.counts[e - 1];
    for (size_t i = 0; i < ids.size(); i++)
        if (ids[i] >= first && ids[i] < end) {
            s.position[i] = next[ids[i] - first]++;
            s.rows++;
        }
    return s;
}

void copy_row(const Tensor &to, int64_t to_row, const Tensor &from, int64_t from_row)
{
    int64_t n = from.dim(-1);
    size_t size = from.element();
    uint8_t *out = backing(to.address) + row_at(to, to_row) * static_cast<int64_t>(size);
    const uint8_t *in = backing(from.address) + row_at(from, from_row) * static_cast<int64_t>(size);
    if (from.stride(-1) == 1)
        std::memcpy(out, in, static_cast<size_t>(n) * size);
    else
        for (int64_t i = 0; i < n; i++)
            std::memcpy(out + i * size, in + i * from.stride(-1) * size, size);
}

void poison_rows(const Tensor &to, int64_t from)
{
    if (state().settings.poison)
        for (int64_t r = from; r < to.count() / std::max<int64_t>(1, to.dim(-1)); r++)
            fill_poison(backing(to.address) + row_at(to, r) * static_cast<int64_t>(to.element()), static_cast<uint64_t>(to.dim(-1)) * to.element());
}

void expand_rows(const Tensor &x, int64_t k, const Tensor &expanded, const Sorted &s)
{
    for (size_t i = 0; i < s.position.size(); i++)
        if (s.position[i] >= 0 && s.position[i] < expanded.dims[0])
            copy_row(expanded, s.position[i], x, static_cast<int64_t>(i) / k);
    poison_rows(expanded, std::min(s.rows, expanded.dims[0]));
}

void check_routing(Call &c)
{
    Tensor &x = c.t("x"), &ids = c.t("expertIdx"), &out = c.t("expandedXOut"), &rows = c.t("expandedRowIdxOut");
    NEED(x.rank() == 2 && ids.rank() == 2 && x.dims[0] == ids.dims[0], "x is (tokens, hidden), expertIdx (tokens, k)");
    NEED(ids.type == INT32, "expertIdx is INT32");
    NEED(rows.count() == ids.count() && rows.type == INT32 && rows.contiguous(), "expandedRowIdxOut is INT32, one a token slot");
    NEED(out.type == x.type && out.dim(-1) == x.dims[1] && out.contiguous(), "expandedXOut has x's type and width");
    int64_t mode = c.i("dropPadMode"), active = c.i("activeNum");
    NEED(mode == 0 || mode == 1, "dropPadMode is 0 or 1");
    NEED(c.i("expertNum") >= 1 && c.i("expertNum") <= 10240, "expertNum is missing");
    if (mode == 0)
        NEED(out.rank() == 2 && out.dims[0] == (active > 0 ? std::min(active, ids.count()) : ids.count()), "expandedXOut has not a row a token slot");
    else
        NEED(c.i("expertCapacity") > 0 && out.rank() == 3 && out.dims[0] == c.i("expertNum") && out.dims[1] == c.i("expertCapacity"),
            "expandedXOut is (experts, capacity, hidden)");
}

void write_counts(const Tensor &out, const std::vector<int64_t> &counts, bool cumulative)
{
    std::vector<int64_t> values = counts;
    if (cumulative)
        std::partial_sum(values.begin(), values.end(), values.begin());
    write_all(out, values.data());
}

/* Rows by expert with a capacity: what exceeds it is dropped, what is missing is zero. */
void pad_rows(Call &c, Sorted &s)
{
    Tensor &x = c.t("x"), &out = c.t("expandedXOut");
    int64_t k = c.t("expertIdx").dims[1], capacity = c.i("expertCapacity");
    std::memset(out.data(), 0, static_cast<size_t>(out.count()) * out.element());
    std::vector<int64_t> starts(s.counts.size(), 0);
    for (size_t e = 1; e < starts.size(); e++)
        starts[e] = starts[e - 1] + s.counts[e - 1];
    for (size_t i = 0; i < s.position.size(); i++) {
        int64_t e = std::upper_bound(starts.begin(), starts.end(), s.position[i]) - starts.begin() - 1;
        int64_t within = s.position[i] - starts[e];
        s.position[i] = within < capacity ? e * capacity + within : -1;
        if (s.position[i] >= 0)
            copy_row(out, s.position[i], x, static_cast<int64_t>(i) / k);
    }
}

OPERATOR(aclnnMoeInitRoutingV2)
{
    check_routing(c);
    int64_t flag = c.i("expertTokensCountOrCumsumFlag");
    NEED(flag >= 0 && flag <= 2, "expertTokensCountOrCumsumFlag is 0 to 2");
    if (flag && c.i("dropPadMode") == 0)
        NEED(c.has("expertTokensCountOrCumsumOut") && c.t("expertTokensCountOrCumsumOut").count() == c.i("expertNum"), "one count an expert");
}
RUN(aclnnMoeInitRoutingV2)
{
    Tensor &ids = c.t("expertIdx");
    Sorted s = sort_by_expert(ids, 0, c.i("expertNum"), c.i("expertNum"));
    if (c.i("dropPadMode") == 0) {
        expand_rows(c.t("x"), ids.dims[1], c.t("expandedXOut"), s);
        if (int64_t flag = c.i("expertTokensCountOrCumsumFlag"))
            write_counts(c.t("expertTokensCountOrCumsumOut"), s.counts, flag == 1);
    } else {
        if (c.i("expertTokensBeforeCapacityFlag") && c.has("expertTokensBeforeCapacityOut"))
            write_counts(c.t("expertTokensBeforeCapacityOut"), s.counts, false);
        pad_rows(c, s);
    }
    write_all(c.t("expandedRowIdxOut"), s.position.data());
}

OPERATOR(aclnnMoeInitRoutingV3)
{
    check_routing(c);
    NEED(c.i("quantMode") == -1, "quantisation while routing is not emulated");
    NEED(!c.has("offsetOptional"), "offset belongs to quantisation");
    NEED(c.i("rowIdxType") == 0 || c.i("rowIdxType") == 1, "rowIdxType is 0 or 1");
    int64_t type = c.i("expertTokensNumType");
    NEED(type >= 0 && type <= 2, "expertTokensNumType is 0 to 2");
    auto &range = c["activeExpertRangeOptional"].ints;
    NEED(range.empty() || (range.size() == 2 && range[0] >= 0 && range[0] < range[1] && range[1] <= c.i("expertNum")), "the range of experts");
    int64_t experts = range.empty() ? c.i("expertNum") : range[1] - range[0];
    if (c.i("expertTokensNumFlag")) {
        Tensor &counts = c.t("expertTokensCountOrCumsumOut");
        NEED(counts.type == INT64 && (type == 2 ? counts.rank() == 2 && counts.dims[1] == 2 && counts.dims[0] == c.i("expertNum")
                                                : counts.rank() == 1 && counts.dims[0] == experts),
            "the counts are INT64, one an expert (pairs for type 2)");
    }
}
RUN(aclnnMoeInitRoutingV3)
{
    Tensor &ids = c.t("expertIdx");
    auto &range = c["activeExpertRangeOptional"].ints;
    int64_t first = range.empty() ? 0 : range[0], end = range.empty() ? c.i("expertNum") : range[1], type = c.i("expertTokensNumType");
    Sorted s = sort_by_expert(ids, first, end, c.i("expertNum"));
    std::vector<int64_t> counts = s.counts;
    if (c.i("dropPadMode") == 0)
        expand_rows(c.t("x"), ids.dims[1], c.t("expandedXOut"), s);
    else
        pad_rows(c, s);
    if (c.i("expertTokensNumFlag") && type < 2) {
        write_counts(c.t("expertTokensCountOrCumsumOut"), counts, type == 0);
    } else if (c.i("expertTokensNumFlag")) {
        std::vector<int64_t> pairs(static_cast<size_t>(c.i("expertNum")) * 2, 0);
        size_t at = 0;
        for (size_t e = 0; e < counts.size(); e++)
            if (counts[e])
                pairs[at++] = first + static_cast<int64_t>(e), pairs[at++] = counts[e];
        write_all(c.t("expertTokensCountOrCumsumOut"), pairs.data());
    }
    if (c.has("scaleOptional") && c.has("expandedScaleOut")) {
        auto scale = floats(c.t("scaleOptional"));
        std::vector<float> out(c.t("expandedScaleOut").count(), std::numeric_limits<float>::quiet_NaN());
        for (size_t i = 0; i < s.position.size(); i++)
            if (s.position[i] >= 0)
                out[s.position[i]] = scale[i / ids.dims[1]];
        write_all(c.t("expandedScaleOut"), out.data());
    }
    if (c.i("rowIdxType") == 0) {
        write_all(c.t("expandedRowIdxOut"), s.position.data());
        return;
    }
    std::vector<int64_t> slots(s.position.size(), -1);
    for (size_t i = 0; i < s.position.size(); i++)
        if (s.position[i] >= 0)
            slots[s.position[i]] = static_cast<int64_t>(i);
    write_all(c.t("expandedRowIdxOut"), slots.data());
}

OPERATOR(aclnnMoeComputeExpertTokens)
{
    NEED(c.t("sortedExperts").rank() == 1 && c.t("out").dims == (std::vector<int64_t>{c.i("numExperts")}), "one count an expert");
    LIMIT(c.i("numExperts") <= 2048, "at most 2048 experts");
}
RUN(aclnnMoeComputeExpertTokens)
{
    std::vector<int64_t> ends(c.i("numExperts"), 0);
    for (int64_t e : integers(c.t("sortedExperts")))
        if (e < 0 || e >= static_cast<int64_t>(ends.size()))
            bad_index("an expert", e, static_cast<int64_t>(ends.size()));
        else
            ends[e]++;
    std::partial_sum(ends.begin(), ends.end(), ends.begin());
    write_all(c.t("out"), ends.data());
}

// ---- and back

struct Rows { // expert rows of any number of dimensions as a matrix, read one by one
    Tensor matrix;
    std::vector<float> row;
    explicit Rows(const Tensor &t) : matrix(as_matrix(t)), row(matrix.dims[1]) {}
    const float *operator[](int64_t r)
    {
        if (r < 0 || r >= matrix.dims[0])
            bad_index("a row index", r, matrix.dims[0]);
        read_row(matrix, row_at(matrix, r), matrix.strides[1], matrix.dims[1], row.data());
        return row.data();
    }
};

OPERATOR(aclnnMoeFinalizeRoutingV2)
{
    Tensor &out = c.t("out"), &rows = c.t("expandedRowIdx"), &x = c.t("expandedX");
    NEED(out.rank() == 2 && out.type == x.type && x.dim(-1) == out.dims[1] && out.contiguous(), "out is (tokens, hidden) of expandedX's type");
    NEED(rows.type == INT32 && out.dims[0] && rows.count() % out.dims[0] == 0, "expandedRowIdx is INT32, k a token");
    int64_t k = rows.count() / out.dims[0], mode = c.i("dropPadMode");
    NEED(mode >= 0 && mode <= 3, "dropPadMode is 0 to 3");
    for (const char *name : {"x1Optional", "x2Optional"})
        if (c.has(name))
            NEED(c.t(name).dims == out.dims, std::string(name) + " is shaped like out");
    NEED(!c.has("x2Optional") || c.has("x1Optional"), "x2 is given only with x1");
    NEED(c.has("scalesOptional") || k == 1, "without scales k is 1");
    if (c.has("scalesOptional"))
        NEED(c.t("scalesOptional").dims == (std::vector<int64_t>{out.dims[0], k}), "scales is (tokens, k)");
    if (c.has("biasOptional"))
        NEED(c.has("expertIdxOptional") && c.t("expertIdxOptional").count() == rows.count(), "a bias needs expertIdx");
}
RUN(aclnnMoeFinalizeRoutingV2)
{
    Tensor &out = c.t("out");
    int64_t tokens = out.dims[0], n = out.dims[1], k = c.t("expandedRowIdx").count() / tokens;
    bool by_column = c.i("dropPadMode") < 2;
    auto rows = integers(c.t("expandedRowIdx"));
    std::vector<float> scales(rows.size(), 1.f), sum(n), bias;
    std::vector<int64_t> experts;
    if (c.has("scalesOptional"))
        scales = floats(c.t("scalesOptional"));
    if (c.has("biasOptional")) {
        bias = floats(c.t("biasOptional"));
        experts = integers(c.t("expertIdxOptional"));
    }
    Rows x(c.t("expandedX"));
    for (int64_t t = 0; t < tokens; t++) {
        std::fill(sum.begin(), sum.end(), 0.f);
        for (const char *name : {"x1Optional", "x2Optional"})
            if (c.has(name)) {
                Rows added(c.t(name));
                const float *row = added[t];
                for (int64_t i = 0; i < n; i++)
                    sum[i] += row[i];
            }
        for (int64_t j = 0; j < k; j++) {
            int64_t at = rows[by_column ? j * tokens + t : t * k + j];
            if (at == -1)
                continue; // dropped, or another rank's expert
            const float *row = x[at];
            float s = scales[t * k + j];
            const float *b = bias.empty() ? nullptr : &bias[experts[t * k + j] * n];
            for (int64_t i = 0; i < n; i++)
                sum[i] += s * (row[i] + (b ? b[i] : 0.f));
        }
        write_row(out, row_at(out, t), 1, n, sum.data());
    }
}

OPERATOR(aclnnMoeTokenPermute)
{
    Tensor &x = c.t("tokens"), &ids = c.t("indices"), &out = c.t("permuteTokensOut"), &sorted = c.t("sortedIndicesOut");
    NEED(!c.i("paddedMode"), "paddedMode must be false");
    NEED(x.rank() == 2 && ids.rank() <= 2 && ids.dims[0] == x.dims[0], "indices is (tokens, k)");
    LIMIT(ids.rank() == 1 || ids.dims[1] <= 512, "k is at most 512");
    int64_t n = c.i("numOutTokens") > 0 ? std::min(c.i("numOutTokens"), ids.count()) : ids.count() + c.i("numOutTokens");
    NEED(out.rank() == 2 && out.dims[0] == n && out.dims[1] == x.dims[1] && out.type == x.type && out.contiguous(), "permuteTokensOut is (rows, hidden)");
    NEED(sorted.type == INT32 && sorted.count() == ids.count(), "sortedIndicesOut is INT32, one a token slot");
}
RUN(aclnnMoeTokenPermute)
{
    Tensor &ids = c.t("indices"), &out = c.t("permuteTokensOut");
    auto values = integers(ids);
    int64_t k = ids.rank() == 2 ? ids.dims[1] : 1;
    std::vector<int64_t> order(values.size()), position(values.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return values[a] < values[b]; });
    for (size_t i = 0; i < order.size(); i++) {
        position[order[i]] = static_cast<int64_t>(i);
        if (static_cast<int64_t>(i) < out.dims[0])
            copy_row(out, static_cast<int64_t>(i), c.t("tokens"), order[i] / k);
    }
    write_all(c.t("sortedIndicesOut"), position.data());
}

OPERATOR(aclnnMoeTokenPermuteGrad)
{
    Tensor &g = c.t("permutedOutputGrad"), &out = c.t("out");
    NEED(!c.i("paddedMode"), "paddedMode must be false");
    NEED(out.rank() == 2 && g.rank() == 2 && g.dims[1] == out.dims[1] && g.type == out.type, "out is (tokens, hidden)");
    NEED(c.i("numTopk") >= 1 && c.t("sortedIndices").count() == out.dims[0] * c.i("numTopk"), "sortedIndices is one a token slot");
}
RUN(aclnnMoeTokenPermuteGrad)
{
    Tensor &out = c.t("out");
    int64_t k = c.i("numTopk"), n = out.dims[1];
    auto position = integers(c.t("sortedIndices"));
    Rows g(c.t("permutedOutputGrad"));
    std::vector<float> sum(n);
    for (int64_t t = 0; t < out.dims[0]; t++) {
        std::fill(sum.begin(), sum.end(), 0.f);
        for (int64_t j = 0; j < k; j++)
            if (position[t * k + j] < g.matrix.dims[0]) {
                const float *row = g[position[t * k + j]];
                for (int64_t i = 0; i < n; i++)
                    sum[i] += row[i];
            }
        write_row(out, row_at(out, t), out.strides[1], n, sum.data());
    }
}

OPERATOR(aclnnMoeTokenUnpermute)
{
    Tensor &x = c.t("permutedTokens"), &out = c.t("out");
    NEED(!c.i("paddedMode"), "paddedMode must be false");
    NEED(x.rank() == 2 && out.rank() == 2 && out.type == x.type && out.dims[1] == x.dims[1], "out is (tokens, hidden)");
    int64_t k = c.has("probsOptional") ? c.t("probsOptional").dims.at(1) : 1;
    NEED(c.t("sortedIndices").count() == out.dims[0] * k, "sortedIndices is one a token slot");
    LIMIT(k <= 512, "k is at most 512");
}
RUN(aclnnMoeTokenUnpermute)
{
    Tensor &out = c.t("out");
    auto position = integers(c.t("sortedIndices"));
    std::vector<float> probs(position.size(), 1.f), sum(out.dims[1]);
    if (c.has("probsOptional"))
        probs = floats(c.t("probsOptional"));
    int64_t k = out.dims[0] ? static_cast<int64_t>(position.size()) / out.dims[0] : 1, n = out.dims[1];
    Rows x(c.t("permutedTokens"));
    for (int64_t t = 0; t < out.dims[0]; t++) {
        std::fill(sum.begin(), sum.end(), 0.f);
        for (int64_t j = 0; j < k; j++)
            if (position[t * k + j] < x.matrix.dims[0]) { // beyond the rows: dropped
                const float *row = x[position[t * k + j]];
                for (int64_t i = 0; i < n; i++)
                    sum[i] += probs[t * k + j] * row[i];
            }
        write_row(out, row_at(out, t), out.strides[1], n, sum.data());
    }
}

OPERATOR(aclnnMoeTokenUnpermuteGrad)
{
    Tensor &g = c.t("unpermutedTokensGrad"), &out = c.t("permutedTokensGradOut");
    NEED(!c.i("paddedMode"), "paddedMode must be false");
    NEED(g.rank() == 2 && out.rank() == 2 && g.dims[1] == out.dims[1] && g.type == out.type, "the gradients are matrices");
    if (c.has("probsOptional"))
        NEED(c.has("permutedTokensOptional") && c.has("probsGradOut") && c.t("probsGradOut").dims == c.t("probsOptional").dims,
            "with probs there are permutedTokens and probsGradOut");
}
RUN(aclnnMoeTokenUnpermuteGrad)
{
    Tensor &out = c.t("permutedTokensGradOut");
    auto position = integers(c.t("sortedIndices"));
    Rows g(c.t("unpermutedTokensGrad"));
    int64_t tokens = g.matrix.dims[0], k = tokens ? static_cast<int64_t>(position.size()) / tokens : 1, n = out.dims[1];
    bool weighted = c.has("probsOptional");
    std::vector<float> probs(position.size(), 1.f), probs_grad(position.size(), 0.f), scaled(n);
    if (weighted)
        probs = floats(c.t("probsOptional"));
    for (int64_t t = 0; t < tokens; t++) {
        const float *row = g[t];
        for (int64_t j = 0; j < k; j++) {
            int64_t at = position[t * k + j];
            if (at < 0 || at >= out.dims[0])
                continue;
            for (int64_t i = 0; i < n; i++)
                scaled[i] = probs[t * k + j] * row[i];
            write_row(out, row_at(out, at), out.strides[1], n, scaled.data());
            if (weighted) {
                Rows x(c.t("permutedTokensOptional"));
                probs_grad[t * k + j] = dot(x[at], row, n);
            }
        }
    }
    if (weighted)
        write_all(c.t("probsGradOut"), probs_grad.data());
}

// ---- gradients of routing

OPERATOR(aclnnMoeInitRoutingV2Grad)
{
    Tensor &g = c.t("gradExpandedX"), &out = c.t("out");
    NEED(c.i("dropPadMode") == 0 && g.rank() == 2, "only dropPadMode 0 is emulated");
    NEED(out.rank() == 2 && out.dims[1] == g.dims[1] && out.type == g.type && out.contiguous(), "out is (tokens, hidden)");
    NEED(c.i("topK") >= 1 && c.t("expandedRowIdx").count() == out.dims[0] * c.i("topK"), "expandedRowIdx is one a token slot");
}
RUN(aclnnMoeInitRoutingV2Grad)
{
    Tensor &out = c.t("out");
    int64_t k = c.i("topK"), n = out.dims[1], active = c.i("activeNum");
    auto position = integers(c.t("expandedRowIdx"));
    Rows g(c.t("gradExpandedX"));
    std::vector<float> sum(n);
    for (int64_t t = 0; t < out.dims[0]; t++) {
        std::fill(sum.begin(), sum.end(), 0.f);
        for (int64_t j = 0; j < k; j++) {
            int64_t at = position[t * k + j];
            if (at == -1 || (active > 0 && at >= active))
                continue;
            const float *row = g[at];
            for (int64_t i = 0; i < n; i++)
                sum[i] += row[i];
        }
        write_row(out, row_at(out, t), 1, n, sum.data());
    }
}

OPERATOR(aclnnMoeFinalizeRoutingV2Grad)
{
    Tensor &g = c.t("gradY"), &out = c.t("gradExpandedXOut");
    NEED(c.i("dropPadMode") == 0, "only dropPadMode 0 is emulated");
    NEED(g.rank() == 2 && out.rank() == 2 && out.dims[1] == g.dims[1] && out.type == g.type && out.contiguous(), "gradExpandedXOut is (rows, hidden)");
    int64_t slots = c.t("expandedRowIdx").count();
    NEED(g.dims[0] && slots % g.dims[0] == 0, "expandedRowIdx is k a token");
    if (c.has("scalesOptional"))
        NEED(c.has("expandedXOptional") && c.has("gradScalesOut") && c.t("gradScalesOut").count() == slots, "scales need expandedX and gradScalesOut");
    else
        NEED(slots == g.dims[0], "without scales k is 1");
    NEED(!c.has("biasOptional") || c.has("expertIdxOptional"), "a bias needs expertIdx");
}
RUN(aclnnMoeFinalizeRoutingV2Grad)
{
    Tensor &out = c.t("gradExpandedXOut");
    auto position = integers(c.t("expandedRowIdx")); // row order, as MoeInitRouting gives it
    Rows g(c.t("gradY"));
    int64_t n = out.dims[1], k = static_cast<int64_t>(position.size()) / g.matrix.dims[0];
    bool weighted = c.has("scalesOptional");
    std::vector<float> scales(position.size(), 1.f), scales_grad(position.size(), 0.f), row(n), bias;
    std::vector<int64_t> experts;
    if (weighted)
        scales = floats(c.t("scalesOptional"));
    if (c.has("biasOptional")) {
        bias = floats(c.t("biasOptional"));
        experts = integers(c.t("expertIdxOptional"));
    }
    std::memset(out.data(), 0, static_cast<size_t>(out.count()) * out.element());
    for (size_t slot = 0; slot < position.size(); slot++) {
        int64_t at = position[slot];
        if (at == -1)
            continue;
        if (at < 0 || at >= out.dims[0])
            bad_index("a row index", at, out.dims[0]);
        const float *dy = g[static_cast<int64_t>(slot) / k];
        for (int64_t i = 0; i < n; i++)
            row[i] = scales[slot] * dy[i];
        write_row(out, row_at(out, at), 1, n, row.data());
        if (weighted) {
            Rows x(c.t("expandedXOptional"));
            scales_grad[slot] = dot(x[at], dy, n) + (bias.empty() ? 0.f : dot(&bias[experts[slot] * n], dy, n));
        }
    }
    if (weighted)
        write_all(c.t("gradScalesOut"), scales_grad.data());
}

} // namespace
} // namespace emu
