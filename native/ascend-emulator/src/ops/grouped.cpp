// GroupedMatmul: one product per group of rows, the groups' sizes read on the device.
#include "fractal.h"

namespace emu {
namespace {

/* Where each group begins, with the end of the last behind; checked against the rows there are. */
std::vector<int64_t> bounds(const Tensor &list, int64_t kind, int64_t groups, int64_t rows)
{
    auto values = integers(list);
    std::vector<int64_t> at(1, 0);
    if (kind == 2) {
        std::vector<int64_t> sizes(groups, 0);
        for (size_t i = 0; i + 1 < values.size(); i += 2) {
            if (values[i] < 0 || values[i] >= groups)
                bad_index("an expert of the group list", values[i], groups);
            sizes[values[i]] = values[i + 1];
        }
        values = sizes;
    }
    for (int64_t g = 0; g < groups; g++) {
        int64_t end = kind == 0 ? values[g] : at.back() + values[g];
        if (end < at.back())
            bad_index("a group's end", end, at.back());
        if (end > rows)
            bad_index("a group's end", end, rows);
        at.push_back(end);
    }
    return at;
}

void check_group_list(const Tensor &list, int64_t kind, int64_t groups)
{
    NEED(list.type == INT64, "groupList is INT64");
    NEED(kind >= 0 && kind <= 2, "groupListType is 0 to 2");
    NEED(kind == 2 ? list.rank() == 2 && list.dims[1] == 2 : list.rank() == 1, "groupList has the wrong rank");
    NEED(kind == 2 ? list.dims[0] <= groups : list.dims[0] == groups, "groupList has not the number of groups");
    LIMIT(groups <= 1024, "at most 1024 groups");
}

void check_inner(const Tensor &t)
{
    LIMIT(t.dim(-1) < 65536, "the innermost dimension is below 65536");
}

int64_t groups_of(Call &c)
{
    auto &weights = c["weight"].tensors;
    return weights.size() == 1 && weights[0].rank() == 3 ? weights[0].dims[0] : static_cast<int64_t>(weights.size());
}

Tensor weight_of(Call &c, int64_t g)
{
    auto &weights = c["weight"].tensors;
    if (weights.size() != 1 || weights[0].rank() != 3)
        return weights[g];
    Tensor one = select(weights[0], 0, g);
    if (one.format == FRACTAL_NZ) {
        auto shape = fractal_shape(weights[0]);
        one = weights[0];
        one.dims.erase(one.dims.begin());
        one.strides.erase(one.strides.begin());
        one.offset += g * shape[1] * shape[2] * shape[3] * shape[4];
    }
    return one;
}

void check_grouped(Call &c)
{
    for (const char *quantised : {"scaleOptional", "offsetOptional", "antiquantScaleOptional", "antiquantOffsetOptional",
             "perTokenScaleOptional", "activationInputOptional", "activationQuantScaleOptional", "activationQuantOffsetOptional"})
        NEED(!c.has(quantised), std::string("quantised products are not emulated: ") + quantised);
    auto &x = c["x"].tensors, &w = c["weight"].tensors, &out = c["out"].tensors;
    LIMIT(x.size() <= 128 && w.size() <= 128 && out.size() <= 128, "at most 128 tensors a list");
    NEED(c.i("actType") == 0, "activations belong to quantised products");
    int64_t type = c.i("groupType"), split = c.i("splitItem");
    NEED(split >= 0 && split <= 3, "splitItem is 0 to 3");
    NEED(type == -1 || type == 0 || type == 2, "groupType is -1, 0 or 2");
    for (auto *list : {&x, &w, &out})
        for (auto &t : *list) {
            NEED(t.type == x[0].type && is_float(t.type), "all tensors are of one float type");
            check_inner(t);
        }
    LIMIT(state().settings.product != Product::P310 || x[0].type == F16, "310P groups FLOAT16 only");
    for (auto &t : out)
        NEED(t.contiguous(), "out is contiguous");
    if (type == -1) {
        NEED(split <= 1 && x.size() == w.size() && x.size() == out.size() && !c.has("groupListOptional"),
            "without groups there are as many factors as outputs, splitItem 0 or 1, and no group list");
        for (size_t i = 0; i < x.size(); i++)
            NEED(x[i].rank() >= 2 && w[i].rank() == 2 && x[i].dim(-1) == w[i].dims[0] && out[i].dim(-1) == w[i].dims[1],
                "shapes do not fit");
        return;
    }
    NEED(split >= 2 && x.size() == 1 && out.size() == 1 && c.has("groupListOptional"),
        "with groups there is one x, one out, a group list, and splitItem 2 or 3");
    if (type == 0) {
        int64_t groups = groups_of(c);
        check_group_list(c.t("groupListOptional"), c.i("groupListType"), groups);
        NEED(x[0].rank() == 2 && out[0].rank() == 2, "x and out are matrices");
        NEED(x[0].stride(-1) == 1 || x[0].dims[0] <= 1, "x is not transposed where its rows are split");
        for (int64_t g = 0; g < groups; g++) {
            Tensor one = weight_of(c, g);
            NEED(one.rank() == 2 && one.dims[0] == x[0].dims[1] && one.dims[1] == out[0].dims[1], "shapes do not fit");
        }
        NEED(out[0].dims[0] == x[0].dims[0], "out has not x's rows");
    } else {
        NEED(w.size() == 1 && x[0].rank() == 2 && w[0].rank() == 2 && out[0].rank() == 3, "x and weight are matrices, out is a stack");
        NEED(x[0].stride(0) == 1 || x[0].dims[0] == 1, "x is a transposed view where the inner dimension is split");
        NEED(x[0].dims[1] == w[0].dims[0] && out[0].dims[1] == x[0].dims[0] && out[0].dims[2] == w[0].dims[1], "shapes do not fit");
        check_group_list(c.t("groupListOptional"), c.i("groupListType"), out[0].dims[0]);
        NEED(!c.has("biasOptional"), "no bias where the inner dimension is split");
    }
    if (c.has("biasOptional")) {
        auto &bias = c["biasOptional"].tensors;
        NEED(bias.size() == 1 ? bias[0].rank() == 2 && bias[0].dims[0] == groups_of(c) : bias.size() == w.size(), "one bias a group");
    }
}

void add_bias(Call &c, int64_t g, int64_t rows, int64_t n, std::vector<float> &y)
{
    if (!c.has("biasOptional"))
        return;
    auto &bias = c["biasOptional"].tensors;
    auto values = floats(bias.size() == 1 ? select(bias[0], 0, g) : bias[g]);
    for (int64_t r = 0; r < rows; r++)
        for (int64_t i = 0; i < n; i++)
            y[r * n + i] += values[i];
}

void run_grouped(Call &c)
{
    auto &x = c["x"].tensors, &out = c["out"].tensors;
    int64_t type = c.i("groupType");
    if (type == -1) {
        for (size_t i = 0; i < x.size(); i++) {
            Tensor rows = as_matrix(x[i]), to = as_matrix(out[i]);
            auto y = product(rows, c["weight"].tensors[i], 0);
            write_all(to, y.data());
        }
        return;
    }
    Tensor &list = c.t("groupListOptional");
    if (type == 2) {
        auto at = bounds(list, c.i("groupListType"), out[0].dims[0], x[0].dims[1]);
        for (int64_t g = 0; g < out[0].dims[0]; g++) {
            Tensor rows = narrow(x[0], 1, at[g], at[g + 1] - at[g]), w = narrow(c["weight"].tensors[0], 0, at[g], at[g + 1] - at[g]);
            auto y = product(rows, w, 0);
            write_all(select(out[0], 0, g), y.data());
        }
        return;
    }
    int64_t groups = groups_of(c);
    auto at = bounds(list, c.i("groupListType"), groups, x[0].dims[0]);
    for (int64_t g = 0; g < groups; g++) {
        int64_t rows = at[g + 1] - at[g];
        if (!rows)
            continue;
        auto y = product(narrow(x[0], 0, at[g], rows), weight_of(c, g), 0);
        add_bias(c, g, rows, out[0].dims[1], y);
        write_all(narrow(out[0], 0, at[g], rows), y.data());
    }
    // Rows beyond the last group are nobody's.
    if (state().settings.poison && at.back() < out[0].dims[0])
        fill_poison(narrow(out[0], 0, at.back(), 1).data(),
            static_cast<uint64_t>((out[0].dims[0] - at.back()) * out[0].dims[1]) * out[0].element());
}

#define GROUPED(op)                                                                                                            \
    OPERATOR(op) { check_grouped(c); }                                                                                         \
    RUN(op) { run_grouped(c); }
GROUPED(aclnnGroupedMatmulV4)
GROUPED(aclnnGroupedMatmulV5)
OPERATOR(aclnnGroupedMatmulWeightNz)
{
    for (auto &w : c["weight"].tensors)
        NEED(w.format == FRACTAL_NZ, "weight is not FRACTAL_NZ");
    check_grouped(c);
}
RUN(aclnnGroupedMatmulWeightNz) { run_grouped(c); }

/* x as (rows, k), however it was passed. */
Tensor rows_of(Call &c, const char *name, const char *transpose, int64_t rows)
{
    Tensor t = c.t(name);
    NEED(t.rank() == 2, "a matrix is needed");
    if (t.dims[0] == rows)
        return t;
    (void)transpose;
    NEED(t.dims[1] == rows, "the rows of x and weight differ");
    return transposed(t, 0, 1);
}

void check_grouped_add(Call &c, int64_t kind)
{
    Tensor &y = c.t("yRef"), &w = c.t("weight"), &x = c.t("x");
    NEED(x.type == w.type && (x.type == BF16 || x.type == F16) && y.type == F32, "x and weight are 16-bit floats of one type, yRef FLOAT");
    NEED(c.i("groupType") == 2, "groupType is 2");
    NEED(w.rank() == 2 && (y.rank() == 3 || y.rank() == 2) && y.contiguous(), "weight is a matrix, yRef a contiguous stack");
    Tensor rows = rows_of(c, "x", "transposeX", w.dims[0]);
    int64_t groups = c.t("groupList").dims.at(0);
    NEED(y.count() == groups * rows.dims[1] * w.dims[1], "yRef has not the products' shape");
    check_group_list(c.t("groupList"), kind, groups);
}

void run_grouped_add(Call &c, int64_t kind)
{
    Tensor y = c.t("yRef"), &w = c.t("weight");
    Tensor x = rows_of(c, "x", "transposeX", w.dims[0]);
    int64_t groups = c.t("groupList").dims[0], k = x.dims[1], n = w.dims[1];
    auto at = bounds(c.t("groupList"), kind, groups, w.dims[0]);
    for (int64_t g = 0; g < groups; g++) {
        int64_t rows = at[g + 1] - at[g];
        if (!rows)
            continue;
        auto sum = product(transposed(narrow(x, 0, at[g], rows), 0, 1), narrow(w, 0, at[g], rows), 0);
        float *to = reinterpret_cast<float *>(y.data()) + g * k * n;
        for (int64_t i = 0; i < k * n; i++)
            to[i] += sum[i];
    }
}
OPERATOR(aclnnGroupedMatmulAdd) { check_grouped_add(c, 0); }
RUN(aclnnGroupedMatmulAdd) { run_grouped_add(c, 0); }
OPERATOR(aclnnGroupedMatmulAddV2) { check_grouped_add(c, c.i("groupListType")); }
RUN(aclnnGroupedMatmulAddV2) { run_grouped_add(c, c.i("groupListType")); }

} // namespace
} // namespace emu
