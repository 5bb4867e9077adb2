// Operators with indices: sorting, gathering, scattering, embeddings. An index out of range is a fault of the device.
#include "elements.h"

#include <numeric>

namespace emu {
namespace {

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

std::vector<int64_t> sorted_order(const std::vector<double> &row, bool descending)
{
    std::vector<int64_t> order(row.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
        if (std::isnan(row[a]) || std::isnan(row[b])) // a NaN counts as the largest
            return descending ? std::isnan(row[a]) && !std::isnan(row[b]) : !std::isnan(row[a]) && std::isnan(row[b]);
        return descending ? row[a] > row[b] : row[a] < row[b];
    });
    return order;
}

void sort_into(const Tensor &self, int64_t d, bool descending, int64_t k, const Tensor *values_t, const Tensor *indices_t)
{
    Tensor from = along(self, d), values = values_t ? along(*values_t, d) : from, indices = indices_t ? along(*indices_t, d) : from;
    int64_t n = from.rank() ? from.dims.back() : 1, r = 0;
    std::vector<double> row(n), out(k);
    for_rows(from, [&](int64_t at, int64_t stride, int64_t) {
        read_row(from, at, stride, n, row.data());
        auto order = sorted_order(row, descending);
        for (int64_t i = 0; i < k; i++)
            out[i] = row[order[i]];
        if (values_t)
            write_row(values, row_at(values, r), values.rank() ? values.strides.back() : 1, k, out.data());
        if (indices_t)
            write_row(indices, row_at(indices, r), indices.rank() ? indices.strides.back() : 1, k, order.data());
        r++;
    });
}

OPERATOR(aclnnTopk)
{
    Tensor &self = c.t("self");
    int64_t d = wrap_dim(c.i("dim"), self.rank()), k = c.i("k");
    NEED(c.i("sorted"), "sorted must be true");
    NEED(self.rank() == 0 || (k >= 0 && k <= self.dims[d]), "k exceeds the dimension");
    auto dims = self.dims;
    if (!dims.empty())
        dims[d] = k;
    NEED(c.t("valuesOut").dims == dims && c.t("indicesOut").dims == dims && c.t("valuesOut").type == self.type, "the outputs have k elements along dim");
}
RUN(aclnnTopk) { sort_into(c.t("self"), c.i("dim"), c.i("largest") != 0, c.i("k"), &c.t("valuesOut"), &c.t("indicesOut")); }

OPERATOR(aclnnSort)
{
    NEED(c.t("valuesOut").dims == c.t("self").dims && c.t("indicesOut").dims == c.t("self").dims, "the outputs are shaped like self");
    wrap_dim(c.i("dim"), c.t("self").rank());
}
RUN(aclnnSort)
{
    Tensor &self = c.t("self");
    sort_into(self, c.i("dim"), c.i("descending") != 0, self.rank() ? self.dim(c.i("dim")) : 1, &c.t("valuesOut"), &c.t("indicesOut"));
}

OPERATOR(aclnnArgsort)
{
    NEED(c.t("out").dims == c.t("self").dims, "out is shaped like self");
    wrap_dim(c.i("dim"), c.t("self").rank());
}
RUN(aclnnArgsort)
{
    Tensor &self = c.t("self");
    sort_into(self, c.i("dim"), c.i("descending") != 0, self.rank() ? self.dim(c.i("dim")) : 1, nullptr, &c.t("out"));
}

int64_t checked(int64_t index, int64_t limit, const char *what)
{
    int64_t wrapped = index < 0 ? index + limit : index;
    if (wrapped < 0 || wrapped >= limit)
        bad_index(what, index, limit);
    return wrapped;
}

void copy_element(const Tensor &to, int64_t at, const Tensor &from, int64_t source)
{
    size_t size = to.element();
    std::memcpy(backing(to.address) + at * static_cast<int64_t>(size), backing(from.address) + source * static_cast<int64_t>(size), size);
}

OPERATOR(aclnnGather)
{
    Tensor &self = c.t("self"), &index = c.t("index");
    int64_t d = wrap_dim(c.i("dim"), self.rank());
    NEED(index.rank() == self.rank() && c.t("out").dims == index.dims, "index has self's rank, out index's shape");
    for (int64_t i = 0; i < self.rank(); i++)
        NEED(i == d || index.dims[i] <= self.dims[i], "index exceeds self");
}
RUN(aclnnGather)
{
    Tensor &self = c.t("self"), &out = c.t("out");
    int64_t d = wrap_dim(c.i("dim"), self.rank());
    Tensor to = along(out, d), index = along(c.t("index"), d), from = along(self, d);
    int64_t n = to.rank() ? to.dims.back() : 1, limit = from.rank() ? from.dims.back() : 1, r = 0;
    std::vector<int64_t> row(n);
    Tensor source = from;
    for (int64_t i = 0; i + 1 < source.rank(); i++)
        source.dims[i] = to.dims[i]; // rows are counted as index counts them
    for_rows(to, [&](int64_t at, int64_t stride, int64_t) {
        read_row(index, row_at(index, r), index.rank() ? index.strides.back() : 1, n, row.data());
        int64_t start = row_at(source, r++);
        for (int64_t i = 0; i < n; i++) {
            if (row[i] < 0 || row[i] >= limit)
                bad_index("an index", row[i], limit);
            copy_element(to, at + i * stride, from, start + row[i] * (from.rank() ? from.strides.back() : 1));
        }
    });
}

OPERATOR(aclnnIndexSelect)
{
    Tensor &self = c.t("self");
    int64_t d = wrap_dim(c.i("dim"), self.rank());
    auto dims = self.dims;
    NEED(c.t("index").rank() <= 1 && self.rank() >= 1, "index is a list");
    dims[d] = c.t("index").count();
    NEED(c.t("out").dims == dims, "out has not the selected shape");
}
void copy_slice(const Tensor &to, const Tensor &from)
{
    int64_t r = 0;
    int64_t fs = from.rank() ? from.strides.back() : 1;
    for_rows(to, [&](int64_t at, int64_t stride, int64_t n) {
        int64_t start = row_at(from, r++);
        if (stride == 1 && fs == 1)
            std::memcpy(backing(to.address) + at * static_cast<int64_t>(to.element()), backing(from.address) + start * static_cast<int64_t>(to.element()),
                static_cast<size_t>(n) * to.element());
        else
            for (int64_t i = 0; i < n; i++)
                copy_element(to, at + i * stride, from, start + i * fs);
    });
}
RUN(aclnnIndexSelect)
{
    Tensor &self = c.t("self"), &out = c.t("out");
    int64_t d = wrap_dim(c.i("dim"), self.rank());
    auto index = integers(c.t("index"));
    for (size_t i = 0; i < index.size(); i++)
        copy_slice(select(out, d, static_cast<int64_t>(i)), select(self, d, checked(index[i], self.dims[d], "an index")));
}

OPERATOR(aclnnEmbedding)
{
    Tensor &weight = c.t("weight");
    auto dims = c.t("indices").dims;
    dims.push_back(weight.dims.at(1));
    NEED(weight.rank() == 2 && c.t("out").dims == dims && c.t("out").type == weight.type, "out is (indices, width)");
}
RUN(aclnnEmbedding)
{
    Tensor &weight = c.t("weight");
    Tensor out = as_matrix(c.t("out"));
    auto index = integers(c.t("indices"));
    for (size_t i = 0; i < index.size(); i++) {
        if (index[i] < 0 || index[i] >= weight.dims[0])
            bad_index("an embedding index", index[i], weight.dims[0]);
        copy_slice(select(out, 0, static_cast<int64_t>(i)), select(weight, 0, index[i]));
    }
}

OPERATOR(aclnnEmbeddingDenseBackward)
{
    Tensor &grad = c.t("grad"), &out = c.t("out");
    NEED(grad.rank() >= 2 && out.rank() == 2 && out.dims[0] == c.i("numWeights") && out.dims[1] == grad.dim(-1) && out.type == grad.type,
        "out is (numWeights, width)");
    NEED(c.t("indices").count() * grad.dim(-1) == grad.count(), "one index a row of grad");
}
RUN(aclnnEmbeddingDenseBackward)
{
    Tensor &out = c.t("out");
    int64_t n = out.dims[1], rows = out.dims[0], padding = c.i("paddingIdx");
    auto grad = floats(c.t("grad"));
    auto index = integers(c.t("indices"));
    std::vector<float> sum(static_cast<size_t>(rows * n), 0.f), count(rows, 0.f);
    for (int64_t i : index) {
        if (i < 0 || i >= rows)
            bad_index("an embedding index", i, rows);
        count[i]++;
    }
    for (size_t t = 0; t < index.size(); t++)
        for (int64_t i = 0; index[t] != padding && i < n; i++)
            sum[index[t] * n + i] += grad[t * n + i] / (c.i("scaleGradByFreq") ? count[index[t]] : 1.f);
    write_all(out, sum.data());
}

/* out[..., index[i], ...] += alpha source[..., i, ...], in the order of i. */
OPERATOR(aclnnIndexAdd)
{
    Tensor &self = c.t("self"), &source = c.t("source");
    int64_t d = wrap_dim(c.i("dim"), self.rank());
    auto dims = self.dims;
    dims.at(d) = c.t("index").count();
    NEED(source.dims == dims && c.t("out").dims == self.dims, "source has one slice an index, out self's shape");
    NEED(source.type == self.type && c.t("out").type == self.type, "the types must agree");
}
RUN(aclnnIndexAdd)
{
    Tensor &self = c.t("self"), &out = c.t("out"), &source = c.t("source");
    int64_t d = wrap_dim(c.i("dim"), self.rank());
    auto sums = read_all<double>(self);
    auto index = integers(c.t("index"));
    auto added = read_all<double>(source);
    int64_t inner = 1, n = self.dims[d], m = static_cast<int64_t>(index.size());
    for (int64_t i = d + 1; i < self.rank(); i++)
        inner *= self.dims[i];
    int64_t outer = self.count() / std::max<int64_t>(1, n * inner);
    double alpha = c.scalar("alpha");
    for (int64_t j = 0; j < m; j++) {
        if (index[j] < 0 || index[j] >= n)
            bad_index("an index", index[j], n);
        for (int64_t o = 0; o < outer; o++)
            for (int64_t i = 0; i < inner; i++) {
                double &to = sums[(o * n + index[j]) * inner + i];
                to = static_cast<float>(to + alpha * added[(o * m + j) * inner + i]);
            }
    }
    write_all(out, sums.data());
}

OPERATOR(aclnnScatterAdd)
{
    Tensor &self = c.t("self"), &index = c.t("index"), &src = c.t("src");
    int64_t d = wrap_dim(c.i("dim"), self.rank());
    NEED(index.rank() == self.rank() && src.rank() == self.rank() && c.t("out").dims == self.dims, "the ranks differ");
    for (int64_t i = 0; i < self.rank(); i++)
        NEED(index.dims[i] <= src.dims[i] && (i == d || index.dims[i] <= self.dims[i]), "index exceeds src or self");
    NEED(src.type == self.type && c.t("out").type == self.type, "the types must agree");
}
RUN(aclnnScatterAdd)
{
    Tensor &self = c.t("self"), &index = c.t("index"), &src = c.t("src");
    int64_t d = wrap_dim(c.i("dim"), self.rank()), flat = 0;
    auto sums = read_all<double>(self);
    std::vector<int64_t> step(self.rank(), 1), at(self.rank(), 0);
    for (int64_t i = self.rank() - 2; i >= 0; i--)
        step[i] = step[i + 1] * self.dims[i + 1];
    Tensor part = src;
    part.dims = index.dims;
    auto added = read_all<double>(part);
    for (int64_t position : integers(index)) {
        if (position < 0 || position >= self.dims[d])
            bad_index("an index", position, self.dims[d]);
        int64_t to = 0, rest = flat;
        for (int64_t i = self.rank() - 1; i >= 0; i--) {
            int64_t here = rest % index.dims[i];
            rest /= index.dims[i];
            to += (i == d ? position : here) * step[i];
        }
        sums[to] = is_integer(self.type) ? sums[to] + added[flat] : static_cast<double>(static_cast<float>(sums[to] + added[flat]));
        flat++;
    }
    write_all(c.t("out"), sums.data());
}

/* selfRef[i0, i1, ...] = or += values, the indices broadcast against each other and stand for the first dimensions. */
OPERATOR(aclnnIndexPutImpl)
{
    Tensor &self = c.t("selfRef"), &values = c.t("values");
    auto &indices = c["indices"].tensors;
    NEED(!indices.empty() && static_cast<int64_t>(indices.size()) <= self.rank(), "more indices than dimensions");
    std::vector<int64_t> dims = indices[0].dims;
    for (auto &i : indices) {
        NEED(i.type == INT64 || i.type == INT32, "masks as indices are not emulated");
        dims = broadcast(dims, i.dims);
    }
    dims.insert(dims.end(), self.dims.begin() + indices.size(), self.dims.end());
    expand(values, dims);
    NEED(values.type == self.type, "the types must agree");
    c.by_itself = {"selfRef"};
}
RUN(aclnnIndexPutImpl)
{
    Tensor &self = c.t("selfRef");
    auto &indices = c["indices"].tensors;
    std::vector<int64_t> lead = indices[0].dims;
    for (auto &i : indices)
        lead = broadcast(lead, i.dims);
    std::vector<std::vector<int64_t>> at;
    for (auto &i : indices)
        at.push_back(integers(expand(i, lead)));
    std::vector<int64_t> dims = lead, tail(self.dims.begin() + indices.size(), self.dims.end());
    dims.insert(dims.end(), tail.begin(), tail.end());
    Tensor values = expand(c.t("values"), dims);
    for (size_t p = 0; p < at[0].size(); p++) {
        Tensor to = self;
        for (size_t d = 0; d < indices.size(); d++)
            to = select(to, 0, checked(at[d][p], to.dims[0], "an index"));
        Tensor from = values;
        int64_t rest = static_cast<int64_t>(p), offset = 0;
        for (int64_t i = static_cast<int64_t>(lead.size()) - 1; i >= 0; i--) {
            offset += rest % lead[i] * values.strides[i];
            rest /= lead[i];
        }
        from.offset += offset;
        from.dims = tail;
        from.strides.assign(values.strides.begin() + lead.size(), values.strides.end());
        c.touch(to, to.first(), to.last() - to.first(), true);
        if (!c.i("accumulate")) {
            copy_slice(to, from);
            continue;
        }
        auto sum = read_all<double>(to), added = read_all<double>(from);
        for (size_t i = 0; i < sum.size(); i++)
            sum[i] += added[i];
        write_all(to, sum.data());
    }
}

} // namespace
} // namespace emu
