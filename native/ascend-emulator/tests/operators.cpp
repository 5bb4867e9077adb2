// Operators against plain double arithmetic written here, from the formulas and not from the emulator.
#include "harness.h"

#include <algorithm>
#include <memory>
#include <numeric>

using Doubles = std::vector<double>;

static Doubles naive(const std::vector<float> &a, const std::vector<float> &b, int64_t m, int64_t k, int64_t n)
{
    Doubles c(m * n, 0);
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++)
            for (int64_t x = 0; x < k; x++)
                c[i * n + j] += (double)a[i * k + x] * b[x * n + j];
    return c;
}

TEST(products_of_all_types_and_shapes)
{
    Bench bench;
    for (int type : {F32, F16, BF16})
        for (auto shape : {std::vector<int64_t>{1, 5, 3}, {7, 70, 130}, {33, 600, 65}}) {
            int64_t m = shape[0], k = shape[1], n = shape[2];
            auto x = random_values(m * k, 1, 1, type), y = random_values(k * n, 2, 1, type);
            Dev a(bench, {m, k}, type, x), b(bench, {k, n}, type, y), c(bench, {m, n}, type);
            EXPECT(0, RUN_OP(bench, aclnnMm, a.tensor, b.tensor, c.tensor, (int8_t)0));
            bench.sync();
            CHECK(close_to(c.get(), naive(x, y, m, k, n), type == F32 ? 1e-5 : type == F16 ? 1e-3 : 5e-3));
            // The right factor as a transposed view.
            std::vector<float> t(k * n);
            for (int64_t i = 0; i < k; i++)
                for (int64_t j = 0; j < n; j++)
                    t[j * k + i] = y[i * n + j];
            Dev bt(bench, {n, k}, type, t);
            EXPECT(0, RUN_OP(bench, aclnnMatmul, a.tensor, bt.view({k, n}, {1, k}), c.tensor, (int8_t)0));
            bench.sync();
            CHECK(close_to(c.get(), naive(x, y, m, k, n), type == F32 ? 1e-5 : type == F16 ? 1e-3 : 5e-3));
        }
    CHECK(EMU(emu_count)("violations") == 0);
}

TEST(a_product_does_not_depend_on_the_rows_beside_it)
{
    Bench bench;
    auto x = random_values(9 * 300, 3, 1, BF16), y = random_values(300 * 70, 4, 1, BF16);
    Dev a(bench, {9, 300}, BF16, x), b(bench, {300, 70}, BF16, y), all(bench, {9, 70}, BF16), one(bench, {1, 70}, BF16);
    EXPECT(0, RUN_OP(bench, aclnnMm, a.tensor, b.tensor, all.tensor, (int8_t)0));
    EXPECT(0, RUN_OP(bench, aclnnMm, a.view({1, 300}, {300, 1}, 7 * 300), b.tensor, one.tensor, (int8_t)0));
    bench.sync();
    auto whole = all.get(), row = one.get();
    CHECK(std::equal(row.begin(), row.end(), whole.begin() + 7 * 70));
}

TEST(addition_of_a_product_batched)
{
    Bench bench;
    auto s = random_values(2 * 3 * 4, 1), x = random_values(2 * 3 * 5, 2), y = random_values(2 * 5 * 4, 3);
    Dev self(bench, {2, 3, 4}, F32, s), a(bench, {2, 3, 5}, F32, x), b(bench, {2, 5, 4}, F32, y), out(bench, {2, 3, 4}, F32);
    void *beta = scalar_of(0.5f), *alpha = scalar_of(-2);
    EXPECT(0, RUN_OP(bench, aclnnBaddbmm, self.tensor, a.tensor, b.tensor, beta, alpha, out.tensor, (int8_t)0));
    bench.sync();
    Doubles expected;
    for (int g = 0; g < 2; g++) {
        auto c = naive({x.begin() + g * 15, x.begin() + g * 15 + 15}, {y.begin() + g * 20, y.begin() + g * 20 + 20}, 3, 5, 4);
        for (int i = 0; i < 12; i++)
            expected.push_back(0.5 * s[g * 12 + i] - 2 * c[i]);
    }
    CHECK(close_to(out.get(), expected, 1e-5));
    CHECK(EMU(emu_count)("launches.aclnnBaddbmm") == 1);
}

TEST(grouped_products)
{
    Bench bench;
    int64_t m = 10, k = 24, n = 40, e = 3;
    auto x = random_values(m * k, 1, 1, BF16), w = random_values(e * n * k, 2, 1, BF16); // stored (E, N, K)
    std::vector<int64_t> count = {4, 0, 6};
    Dev dx(bench, {m, k}, BF16, x), dw(bench, {e, n, k}, BF16, w), dy(bench, {m, n}, BF16), dc(bench, {e}, I64, {4, 0, 6});
    EXPECT(0, RUN_OP(bench, aclnnGroupedMatmulV4, list_of({dx.tensor}), list_of({dw.view({e, k, n}, {n * k, 1, k})}), nullptr, nullptr, nullptr, nullptr,
        nullptr, nullptr, dc.tensor, nullptr, nullptr, nullptr, (int64_t)2, (int64_t)0, (int64_t)1, (int64_t)0, list_of({dy.tensor}), nullptr, nullptr));
    bench.sync();
    Doubles expected(m * n, 0);
    for (int64_t g = 0, r = 0; g < e; g++)
        for (int64_t i = 0; i < count[g]; i++, r++)
            for (int64_t j = 0; j < n; j++)
                for (int64_t d = 0; d < k; d++)
                    expected[r * n + j] += (double)x[r * k + d] * w[(g * n + j) * k + d];
    CHECK(close_to(dy.get(), expected, 5e-3));
    // Weight gradients: out[g] = x_gᵀ dy_g, x as a transposed view, and added up in FLOAT.
    auto g = random_values(m * n, 5, 1, BF16);
    Dev dg(bench, {m, n}, BF16, g), grad(bench, {e, k, n}, BF16), sum(bench, {e, k, n}, F32, std::vector<float>(e * k * n, 1)), ends(bench, {e}, I64, {4, 4, 10});
    EXPECT(0, RUN_OP(bench, aclnnGroupedMatmulV4, list_of({dx.view({k, m}, {1, k})}), list_of({dg.tensor}), nullptr, nullptr, nullptr, nullptr, nullptr,
        nullptr, dc.tensor, nullptr, nullptr, nullptr, (int64_t)2, (int64_t)2, (int64_t)1, (int64_t)0, list_of({grad.tensor}), nullptr, nullptr));
    EXPECT(0, RUN_OP(bench, aclnnGroupedMatmulAdd, dx.tensor, dg.tensor, ends.tensor, sum.tensor, true, false, (int64_t)2));
    bench.sync();
    Doubles dwx(e * k * n, 0), plus;
    for (int64_t q = 0, r = 0; q < e; q++)
        for (int64_t i = 0; i < count[q]; i++, r++)
            for (int64_t a = 0; a < k; a++)
                for (int64_t b = 0; b < n; b++)
                    dwx[(q * k + a) * n + b] += (double)x[r * k + a] * g[r * n + b];
    for (double v : dwx)
        plus.push_back(v + 1);
    CHECK(close_to(grad.get(), dwx, 5e-3));
    CHECK(close_to(sum.get(), plus, 1e-5));
    CHECK(EMU(emu_count)("violations") == 0);
}

TEST(gate_of_deepseek_v3)
{
    if (old_profile)
        return;
    Bench bench;
    int64_t tokens = 5, experts = 64, groups = 8, kept = 4, k = 8;
    auto x = random_values(tokens * experts, 1), bias = random_values(experts, 2, 0.3f);
    Dev dx(bench, {tokens, experts}, F32, x), db(bench, {experts}, F32, bias), y(bench, {tokens, k}, F32), ids(bench, {tokens, k}, I32);
    EXPECT(0, RUN_OP(bench, aclnnMoeGatingTopK, dx.tensor, db.tensor, k, kept, groups, (int64_t)1, (int64_t)0, (int64_t)1, false, 2.5, 1e-20, y.tensor, ids.tensor, nullptr));
    bench.sync();
    auto weights = y.get(), chosen = ids.get();
    for (int64_t t = 0; t < tokens; t++) {
        Doubles s(experts), b(experts), of_group(groups);
        for (int64_t e = 0; e < experts; e++) {
            s[e] = 1 / (1 + std::exp(-(double)x[t * experts + e]));
            b[e] = s[e] + bias[e];
        }
        for (int64_t g = 0; g < groups; g++) {
            Doubles in(b.begin() + g * 8, b.begin() + g * 8 + 8);
            std::sort(in.rbegin(), in.rend());
            of_group[g] = in[0] + in[1];
        }
        Doubles sorted = of_group;
        std::sort(sorted.rbegin(), sorted.rend());
        std::vector<std::pair<double, int>> open;
        for (int64_t e = 0; e < experts; e++)
            if (of_group[e / 8] >= sorted[kept - 1])
                open.push_back({-b[e], (int)e});
        std::sort(open.begin(), open.end());
        double sum = 0;
        for (int j = 0; j < k; j++)
            sum += s[open[j].second];
        for (int j = 0; j < k; j++) {
            CHECK(chosen[t * k + j] == open[j].second);
            CHECK(std::fabs(weights[t * k + j] - 2.5 * s[open[j].second] / sum) < 1e-5);
        }
    }
}

TEST(routing_there_and_back)
{
    Bench bench;
    int64_t tokens = 6, k = 2, experts = 4, h = 16;
    auto x = random_values(tokens * h, 1, 1, BF16), scales = random_values(tokens * k, 2);
    std::vector<float> ids = {3, 0, 1, 1, 0, 2, 3, 2, 0, 1, 3, 3};
    Dev dx(bench, {tokens, h}, BF16, x), di(bench, {tokens, k}, I32, ids), ex(bench, {tokens * k, h}, BF16), rows(bench, {tokens * k}, I32);
    Dev scale(bench, {tokens, k}, F32, scales), shared(bench, {tokens, h}, BF16, x), out(bench, {tokens, h}, BF16);
    Dev counts(bench, {experts}, old_profile ? I32 : I64);
    if (old_profile)
        EXPECT(0, RUN_OP(bench, aclnnMoeInitRoutingV2, dx.tensor, di.tensor, (int64_t)0, (int64_t)0, experts, (int64_t)0, (int64_t)2, false, ex.tensor, rows.tensor, counts.tensor, nullptr));
    else
        EXPECT(0, RUN_OP(bench, aclnnMoeInitRoutingV3, dx.tensor, di.tensor, nullptr, nullptr, (int64_t)-1, (int64_t)0, experts, (int64_t)0, (int64_t)1, true, (int64_t)-1, nullptr, (int64_t)0,
            ex.tensor, rows.tensor, counts.tensor, nullptr));
    EXPECT(0, RUN_OP(bench, aclnnMoeFinalizeRoutingV2, ex.tensor, rows.tensor, shared.tensor, nullptr, nullptr, scale.tensor, nullptr, (int64_t)2, out.tensor));
    bench.sync();
    CHECK(counts.get() == (std::vector<float>{3, 3, 2, 4}));
    auto moved = ex.get(), at = rows.get();
    std::vector<float> by_row(tokens * k);
    for (int64_t i = 0; i < tokens * k; i++) {
        by_row[(int)at[i]] = ids[i];
        for (int64_t j = 0; j < h; j++)
            CHECK(moved[(int)at[i] * h + j] == x[i / k * h + j]);
    }
    CHECK(std::is_sorted(by_row.begin(), by_row.end()));
    Doubles expected;
    for (int64_t t = 0; t < tokens; t++)
        for (int64_t j = 0; j < h; j++)
            expected.push_back(x[t * h + j] * (1.0 + scales[t * k] + scales[t * k + 1]));
    CHECK(close_to(out.get(), expected, 5e-3));
    // The pair that has gradients.
    Dev p(bench, {tokens * k, h}, BF16), s(bench, {tokens * k}, I32), back(bench, {tokens, h}, BF16), probs(bench, {tokens, k}, F32, scales);
    EXPECT(0, RUN_OP(bench, aclnnMoeTokenPermute, dx.tensor, di.tensor, (int64_t)0, false, p.tensor, s.tensor));
    EXPECT(0, RUN_OP(bench, aclnnMoeTokenUnpermute, p.tensor, s.tensor, probs.tensor, false, nullptr, back.tensor));
    bench.sync();
    CHECK(p.get() == moved && s.get() == at);
    for (size_t i = 0; i < expected.size(); i++)
        expected[i] -= x[i];
    CHECK(close_to(back.get(), expected, 5e-3));
}

TEST(norm_and_swiglu)
{
    Bench bench;
    int64_t rows = 3, n = 50;
    auto x = random_values(rows * n, 1, 2, BF16), g = random_values(n, 2);
    Dev dx(bench, {rows, n}, BF16, x), dg(bench, {n}, F32, g), y(bench, {rows, n}, BF16), rstd(bench, {rows, 1}, F32), half(bench, {rows, n / 2}, BF16);
    EXPECT(0, RUN_OP(bench, aclnnRmsNorm, dx.tensor, dg.tensor, 1e-6, y.tensor, rstd.tensor));
    EXPECT(0, RUN_OP(bench, aclnnSwiGlu, dx.tensor, (int64_t)-1, half.tensor));
    bench.sync();
    Doubles norm, glu;
    for (int64_t r = 0; r < rows; r++) {
        double squares = 0;
        for (int64_t i = 0; i < n; i++)
            squares += (double)x[r * n + i] * x[r * n + i];
        for (int64_t i = 0; i < n; i++)
            norm.push_back(x[r * n + i] / std::sqrt(squares / n + 1e-6) * g[i]);
        for (int64_t i = 0; i < n / 2; i++) {
            double a = x[r * n + i];
            glu.push_back(a / (1 + std::exp(-a)) * x[r * n + n / 2 + i]);
        }
    }
    CHECK(close_to(y.get(), norm, 5e-3));
    CHECK(close_to(half.get(), glu, 5e-3));
}

/* softmax(scale q·k) · v over the keys that are seen. */
static Doubles attention(const std::vector<float> &q, const Doubles &keys, const Doubles &values, int64_t d, int64_t dv, int64_t n, double scale, double *lse)
{
    Doubles s(n), out(dv, 0);
    double top = -1e300, sum = 0;
    for (int64_t i = 0; i < n; i++) {
        s[i] = 0;
        for (int64_t j = 0; j < d; j++)
            s[i] += q[j] * keys[i * d + j];
        top = std::max(top, s[i] *= scale);
    }
    for (int64_t i = 0; i < n; i++)
        sum += s[i] = std::exp(s[i] - top);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < dv; j++)
            out[j] += s[i] / sum * values[i * dv + j];
    if (lse)
        *lse = top + std::log(sum);
    return out;
}

TEST(latent_attention_over_pages)
{
    Bench bench;
    int64_t batch = 2, heads = 4, block = 16, pages = 8, columns = 3;
    std::vector<int64_t> lengths = {20, 37};
    std::vector<float> table = {5, 2, 0, 7, 1, 3};
    double scale = 1 / std::sqrt(192.0);
    auto q = random_values(batch * heads * 512, 1, 0.3f, BF16), qr = random_values(batch * heads * 64, 2, 0.3f, BF16);
    auto c = random_values(pages * block * 512, 3, 0.3f, BF16), cr = random_values(pages * block * 64, 4, 0.3f, BF16);
    Dev dq(bench, {batch, heads, 512}, BF16, q), dqr(bench, {batch, heads, 64}, BF16, qr), dc(bench, {pages, block, 512}, BF16, c), dcr(bench, {pages, block, 64}, BF16, cr);
    Dev dt(bench, {batch, columns}, I32, table), out(bench, {heads, batch, 512}, BF16), lse(bench, {batch, heads, 1}, F32);
    Dev three(bench, {3, batch, 512}, BF16), q3(bench, {batch, 3, 512}, BF16), qr3(bench, {batch, 3, 64}, BF16);
    auto run = [&](void *query, void *lengths_kv, int64_t n) {
        void *query_rope = n == heads ? dqr.tensor : qr3.tensor;
        return RUN_OP(bench, aclnnFusedInferAttentionScoreV3, query, list_of({dc.view({pages, block, 512}, {})}), list_of({dc.view({pages, block, 512}, {})}), nullptr, nullptr, ints_of({1, 2}), lengths_kv, nullptr, nullptr,
            nullptr, nullptr, nullptr, nullptr, nullptr, dt.tensor, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, query_rope, dcr.tensor, nullptr, n,
            scale, (int64_t)2147483647, (int64_t)2147483647, "TND_NTD", (int64_t)1, (int64_t)0, (int64_t)0, block, (int64_t)0, true, (int64_t)0, (int64_t)0, n == heads ? out.tensor : three.tensor, lse.tensor);
    };
    EXPECT(0, run(dq.tensor, ints_of(lengths), heads));
    bench.sync();
    Doubles expected(batch * heads * 512), logs(batch * heads);
    for (int64_t b = 0; b < batch; b++)
        for (int64_t h = 0; h < heads; h++) {
            Doubles keys, values;
            std::vector<float> full(q.begin() + (b * heads + h) * 512, q.begin() + (b * heads + h + 1) * 512);
            full.insert(full.end(), qr.begin() + (b * heads + h) * 64, qr.begin() + (b * heads + h + 1) * 64);
            for (int64_t i = 0; i < lengths[b]; i++) {
                int64_t row = (int64_t)table[b * columns + i / block] * block + i % block;
                keys.insert(keys.end(), c.begin() + row * 512, c.begin() + row * 512 + 512);
                keys.insert(keys.end(), cr.begin() + row * 64, cr.begin() + row * 64 + 64);
                values.insert(values.end(), c.begin() + row * 512, c.begin() + row * 512 + 512);
            }
            auto one = attention(full, keys, values, 576, 512, lengths[b], scale, &logs[b * heads + h]);
            std::copy(one.begin(), one.end(), expected.begin() + (h * batch + b) * 512);
        }
    CHECK(close_to(out.get(), expected, 5e-3));
    CHECK(close_to(lse.get(), logs, 1e-4));
    CHECK(EMU(emu_count)("violations") == 0);
    EXPECT(561002, run(q3.tensor, ints_of(lengths), 3)); // N is no power of two
    EXPECT(161002, run(dq.tensor, ints_of({20, 49}), heads));                                   // beyond the table
    Dev bad(bench, {batch, columns}, I32, {5, 2, 0, 7, 99, 3});
    dt.tensor = bad.tensor;
    EXPECT(0, run(dq.tensor, ints_of(lengths), heads));
    EXPECT(507035, ACL(aclrtSynchronizeStream)(bench.stream));
}

TEST(causal_prefill_of_tokens)
{
    Bench bench;
    int64_t heads = 2, tokens = 7, d = 128;
    std::vector<int64_t> ends = {3, 7};
    double scale = 1 / std::sqrt(192.0);
    auto q = random_values(tokens * heads * d, 1, 0.5f, BF16), k = random_values(tokens * heads * d, 2, 0.5f, BF16), v = random_values(tokens * heads * d, 3, 1, BF16);
    auto qr = random_values(tokens * heads * 64, 4, 0.5f, BF16), kr = random_values(tokens * heads * 64, 5, 0.5f, BF16);
    Dev dq(bench, {tokens, heads, d}, BF16, q), dk(bench, {tokens, heads, d}, BF16, k), dv(bench, {tokens, heads, d}, BF16, v), out(bench, {tokens, heads, d}, BF16);
    Dev dqr(bench, {tokens, heads, 64}, BF16, qr), dkr(bench, {tokens, heads, 64}, BF16, kr), lse(bench, {1}, F32), blank(bench, {2048, 2048}, BOOLEAN, std::vector<float>(2048 * 2048, 1));
    std::vector<float> above(2048 * 2048);
    for (int64_t i = 0; i < 2048 * 2048; i++)
        above[i] = i % 2048 > i / 2048;
    Dev mask(bench, {2048, 2048}, BOOLEAN, above);
    EXPECT(0, RUN_OP(bench, aclnnFusedInferAttentionScoreV3, dq.tensor, list_of({dk.tensor}), list_of({dv.tensor}), nullptr, mask.tensor, ints_of(ends), ints_of(ends), nullptr, nullptr, nullptr, nullptr,
        nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, dqr.tensor, dkr.tensor, nullptr, heads, scale, (int64_t)2147483647,
        (int64_t)2147483647, "TND", heads, (int64_t)3, (int64_t)0, (int64_t)0, (int64_t)0, false, (int64_t)0, (int64_t)0, out.tensor, lse.tensor));
    bench.sync();
    Doubles expected;
    for (int64_t t = 0; t < tokens; t++)
        for (int64_t h = 0; h < heads; h++) {
            int64_t start = t < 3 ? 0 : 3;
            std::vector<float> full(q.begin() + (t * heads + h) * d, q.begin() + (t * heads + h + 1) * d);
            full.insert(full.end(), qr.begin() + (t * heads + h) * 64, qr.begin() + (t * heads + h + 1) * 64);
            Doubles keys, values;
            for (int64_t i = start; i <= t; i++) {
                keys.insert(keys.end(), k.begin() + (i * heads + h) * d, k.begin() + (i * heads + h + 1) * d);
                keys.insert(keys.end(), kr.begin() + (i * heads + h) * 64, kr.begin() + (i * heads + h + 1) * 64);
                values.insert(values.end(), v.begin() + (i * heads + h) * d, v.begin() + (i * heads + h + 1) * d);
            }
            auto one = attention(full, keys, values, 192, d, t - start + 1, scale, nullptr);
            expected.insert(expected.end(), one.begin(), one.end());
        }
    CHECK(close_to(out.get(), expected, 5e-3));
    // The same with the rotated part behind the rest of queries and keys.
    auto behind = [&](const std::vector<float> &x, const std::vector<float> &rope) {
        std::vector<float> all;
        for (int64_t row = 0; row < tokens * heads; row++) {
            all.insert(all.end(), x.begin() + row * d, x.begin() + (row + 1) * d);
            all.insert(all.end(), rope.begin() + row * 64, rope.begin() + (row + 1) * 64);
        }
        return all;
    };
    Dev wide_q(bench, {tokens, heads, 192}, BF16, behind(q, qr)), wide_k(bench, {tokens, heads, 192}, BF16, behind(k, kr)), again(bench, {tokens, heads, d}, BF16);
    Dev narrow(bench, {tokens, heads, 64}, BF16, qr), narrow_out(bench, {tokens, heads, 64}, BF16);
    auto whole = [&](void *values, void *shape, void *result) {
        return RUN_OP(bench, aclnnFusedInferAttentionScoreV3, wide_q.tensor, list_of({wide_k.view({tokens, heads, 192}, {})}), list_of({values}), nullptr, shape, ints_of(ends), ints_of(ends), nullptr, nullptr,
            nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, heads, scale, (int64_t)2147483647,
            (int64_t)2147483647, "TND", heads, (int64_t)3, (int64_t)0, (int64_t)0, (int64_t)0, false, (int64_t)0, (int64_t)0, result, lse.tensor);
    };
    EXPECT(0, whole(dv.view({tokens, heads, d}, {}), mask.tensor, again.tensor));
    bench.sync();
    CHECK(close_to(again.get(), expected, 5e-3));
    CHECK(EMU(emu_count)("violations") == 0);
    EXPECT(561002, whole(narrow.tensor, mask.tensor, narrow_out.tensor)); // values narrower than 128
    EXPECT(0, whole(dv.view({tokens, heads, d}, {}), blank.tensor, again.tensor)); // the mode asks for ones above the diagonal
    bench.sync();
    CHECK(violations(14) == 1);
}

TEST(training_attention_and_its_gradient)
{
    Bench bench;
    int64_t heads = 2, s = 5, d = 12, dv = 8;
    double scale = 0.3;
    auto q = random_values(s * heads * d, 1), k = random_values(s * heads * d, 2), v = random_values(s * heads * dv, 3), dy = random_values(s * heads * dv, 4);
    Dev mask(bench, {2048, 2048}, BOOLEAN, std::vector<float>(2048 * 2048, 1));
    auto forward = [&](const std::vector<float> &a, const std::vector<float> &b, const std::vector<float> &c) {
        Doubles all;
        for (int64_t t = 0; t < s; t++)
            for (int64_t h = 0; h < heads; h++) {
                Doubles keys, values;
                for (int64_t i = 0; i <= t; i++) {
                    keys.insert(keys.end(), b.begin() + (i * heads + h) * d, b.begin() + (i * heads + h + 1) * d);
                    values.insert(values.end(), c.begin() + (i * heads + h) * dv, c.begin() + (i * heads + h + 1) * dv);
                }
                auto one = attention({a.begin() + (t * heads + h) * d, a.begin() + (t * heads + h + 1) * d}, keys, values, d, dv, t + 1, scale, nullptr);
                all.insert(all.end(), one.begin(), one.end());
            }
        return all;
    };
    Dev tq(bench, {1, s, heads, d}, F32, q), tk(bench, {1, s, heads, d}, F32, k), tv(bench, {1, s, heads, dv}, F32, v), out(bench, {1, s, heads, dv}, F32), tdy(bench, {1, s, heads, dv}, F32, dy);
    Dev top(bench, {1, heads, s, 8}, F32), sum(bench, {1, heads, s, 8}, F32), gq(bench, {1, s, heads, d}, F32), gk(bench, {1, s, heads, d}, F32), gv(bench, {1, s, heads, dv}, F32);
    EXPECT(0, RUN_OP(bench, aclnnFlashAttentionScore, tq.tensor, tk.tensor, tv.tensor, nullptr, nullptr, nullptr, mask.tensor, nullptr, scale, 1.0, (int64_t)65536, (int64_t)0, heads, "BSND", (int64_t)0,
        (int64_t)2, top.tensor, sum.tensor, nullptr, out.tensor));
    EXPECT(0, RUN_OP(bench, aclnnFlashAttentionScoreGrad, tq.tensor, tk.tensor, tv.tensor, tdy.tensor, nullptr, nullptr, nullptr, mask.tensor, top.tensor, sum.tensor, nullptr, out.tensor, nullptr, scale, 1.0,
        (int64_t)65536, (int64_t)0, heads, "BSND", (int64_t)0, (int64_t)2, gq.tensor, gk.tensor, gv.tensor, nullptr));
    bench.sync();
    CHECK(close_to(out.get(), forward(q, k, v), 1e-5));
    // Finite differences of <dy, out>.
    auto loss = [&](const std::vector<float> &a, const std::vector<float> &b, const std::vector<float> &c) {
        auto y = forward(a, b, c);
        double l = 0;
        for (size_t i = 0; i < y.size(); i++)
            l += y[i] * dy[i];
        return l;
    };
    int which = 0;
    for (auto *x : {&q, &k, &v}) {
        auto grad = (which == 0 ? gq : which == 1 ? gk : gv).get();
        for (size_t i = 0; i < x->size(); i += 7) {
            float old = (*x)[i], e = 1.0f / 1024;
            (*x)[i] = old + e;
            double up = loss(q, k, v);
            (*x)[i] = old - e;
            double down = loss(q, k, v);
            (*x)[i] = old;
            CHECK(std::fabs((up - down) / (2 * e) - grad[i]) < 2e-3);
        }
        which++;
    }
}

TEST(prolog_of_latent_attention)
{
    if (old_profile)
        return;
    Bench bench;
    int64_t tokens = 2, he = 1024, cq = 1536, heads = 2, pages = 2, block = 16;
    auto x = random_values(tokens * he, 1, 1, BF16), wdq = random_values(he * cq, 2, 0.03f, BF16), wuq = random_values(cq * heads * 192, 3, 0.03f, BF16);
    auto wuk = random_values(heads * 128 * 512, 4, 0.1f, BF16), wkv = random_values(he * 576, 5, 0.03f, BF16), gq = random_values(cq, 6, 1, BF16), gkv = random_values(512, 7, 1, BF16);
    auto cos = random_values(tokens * 64, 8, 1, BF16), sin = random_values(tokens * 64, 9, 1, BF16);
    // As FRACTAL_NZ, by the operator that makes it.
    std::vector<std::unique_ptr<Dev>> keep;
    auto fractal = [&](const std::vector<float> &w, int64_t k, int64_t n) {
        keep.emplace_back(new Dev(bench, {k, n}, BF16, w));
        Dev &from = *keep.back();
        keep.emplace_back(new Dev(bench, {k, n}, BF16));
        void *to = keep.back()->view({k, n}, {}, 0, 29);
        EXPECT(0, RUN_OP(bench, aclnnNpuFormatCast, from.tensor, to));
        return to;
    };
    void *ndq = fractal(wdq, he, cq), *nuq = fractal(wuq, cq, heads * 192), *nkv = fractal(wkv, he, 576);
    Dev dx(bench, {tokens, he}, BF16, x), duk(bench, {heads, 128, 512}, BF16, wuk), dgq(bench, {cq}, BF16, gq), dgkv(bench, {512}, BF16, gkv), dcos(bench, {tokens, 64}, BF16, cos), dsin(bench, {tokens, 64}, BF16, sin);
    Dev index(bench, {tokens}, I64, {17, 3}), kv(bench, {pages, block, 1, 512}, BF16, std::vector<float>(pages * block * 512, 0)), kr(bench, {pages, block, 1, 64}, BF16, std::vector<float>(pages * block * 64, 0));
    Dev query(bench, {tokens, heads, 512}, BF16), rope(bench, {tokens, heads, 64}, BF16);
    EXPECT(0, RUN_OP(bench, aclnnMlaPrologV3WeightNz, dx.tensor, ndq, nuq, duk.tensor, nkv, dgq.tensor, dgkv.tensor, dsin.tensor, dcos.tensor, kv.tensor, kr.tensor, index.tensor, nullptr, nullptr, nullptr, nullptr,
        nullptr, nullptr, nullptr, nullptr, nullptr, 1e-6, 1e-5, "PA_BSND", (int64_t)0, (int64_t)0, (int64_t)0, (int64_t)0, (int64_t)0, (int64_t)0, 1.0, 1.0, query.tensor, rope.tensor, nullptr, nullptr, nullptr));
    bench.sync();
    auto product = [](const Doubles &a, const std::vector<float> &b, int64_t k, int64_t n) {
        Doubles c(n, 0);
        for (int64_t i = 0; i < k; i++)
            for (int64_t j = 0; j < n; j++)
                c[j] += a[i] * b[i * n + j];
        return c;
    };
    auto norm = [](Doubles v, const std::vector<float> &g, double eps) {
        double s = 0;
        for (size_t i = 0; i < g.size(); i++)
            s += v[i] * v[i];
        for (size_t i = 0; i < g.size(); i++)
            v[i] *= g[i] / std::sqrt(s / g.size() + eps);
        return v;
    };
    auto turn = [&](const double *v, int64_t t) { // pairs in, halves out
        Doubles out(64);
        for (int i = 0; i < 32; i++) {
            out[i] = v[2 * i] * cos[t * 64 + i] - v[2 * i + 1] * sin[t * 64 + i];
            out[i + 32] = v[2 * i + 1] * cos[t * 64 + i + 32] + v[2 * i] * sin[t * 64 + i + 32];
        }
        return out;
    };
    Doubles eq, er, ekv(pages * block * 512, 0), ekr(pages * block * 64, 0);
    for (int64_t t = 0; t < tokens; t++) {
        Doubles row(x.begin() + t * he, x.begin() + (t + 1) * he);
        auto q = product(norm(product(row, wdq, he, cq), gq, 1e-6), wuq, cq, heads * 192);
        for (int64_t h = 0; h < heads; h++) {
            auto a = product({q.begin() + h * 192, q.begin() + h * 192 + 128}, {wuk.begin() + h * 128 * 512, wuk.begin() + (h + 1) * 128 * 512}, 128, 512);
            auto r = turn(&q[h * 192 + 128], t);
            eq.insert(eq.end(), a.begin(), a.end());
            er.insert(er.end(), r.begin(), r.end());
        }
        auto c = norm(product(row, wkv, he, 576), gkv, 1e-5);
        auto r = turn(&c[512], t);
        int64_t slot = t == 0 ? 17 : 3;
        std::copy(c.begin(), c.begin() + 512, ekv.begin() + slot * 512);
        std::copy(r.begin(), r.end(), ekr.begin() + slot * 64);
    }
    CHECK(close_to(query.get(), eq, 2e-2));
    CHECK(close_to(rope.get(), er, 2e-2));
    CHECK(close_to(kv.get(), ekv, 2e-2));
    CHECK(close_to(kr.get(), ekr, 2e-2));
    CHECK(EMU(emu_count)("violations") == 0);
}

TEST(small_operators)
{
    Bench bench;
    auto x = random_values(24, 1);
    Dev a(bench, {2, 3, 4}, F32, x), sum(bench, {2, 4}, F32), top(bench, {2, 3, 2}, F32), ids(bench, {2, 3, 2}, I64), p(bench, {4, 2, 3}, F32), all(bench, {2, 3, 4}, BF16), norm(bench, {}, F32);
    EXPECT(0, RUN_OP(bench, aclnnReduceSum, a.tensor, ints_of({1}), false, F32, sum.tensor));
    EXPECT(0, RUN_OP(bench, aclnnTopk, a.tensor, (int64_t)2, (int64_t)-1, true, true, top.tensor, ids.tensor));
    EXPECT(0, RUN_OP(bench, aclnnPermute, a.tensor, ints_of({2, 0, 1}), p.tensor));
    EXPECT(0, RUN_OP(bench, aclnnCast, a.tensor, BF16, all.tensor));
    EXPECT(0, RUN_OP(bench, aclnnNorm, a.tensor, scalar_of(2), nullptr, false, norm.tensor));
    Dev table(bench, {3, 4}, F32, {0, 1, 2, 3, 10, 11, 12, 13, 20, 21, 22, 23}), rows(bench, {2}, I64, {2, 0}), picked(bench, {2, 4}, F32), put(bench, {3, 4}, F32, std::vector<float>(12, 0));
    EXPECT(0, RUN_OP(bench, aclnnIndexSelect, table.tensor, (int64_t)0, rows.tensor, picked.tensor));
    EXPECT(0, RUN_OP(bench, aclnnIndexPutImpl, put.tensor, list_of({rows.tensor}), picked.tensor, false, false));
    Dev gathered(bench, {3, 1}, F32), column(bench, {3, 1}, I32, {3, 0, 1});
    EXPECT(0, RUN_OP(bench, aclnnGather, table.tensor, (int64_t)1, column.tensor, gathered.tensor));
    Dev added(bench, {3, 4}, F32), twice(bench, {2}, I32, {1, 1});
    EXPECT(0, RUN_OP(bench, aclnnIndexAdd, table.tensor, (int64_t)0, twice.tensor, picked.tensor, scalar_of(1), added.tensor));
    bench.sync();
    auto s = sum.get(), t = top.get(), i = ids.get(), q = p.get();
    double squares = 0;
    for (int o = 0; o < 2; o++)
        for (int r = 0; r < 3; r++) {
            const float *row = &x[(o * 3 + r) * 4];
            int best = (int)(std::max_element(row, row + 4) - row);
            CHECK(t[(o * 3 + r) * 2] == row[best] && i[(o * 3 + r) * 2] == best);
            for (int c = 0; c < 4; c++) {
                CHECK(q[(c * 2 + o) * 3 + r] == row[c]);
                squares += (double)row[c] * row[c];
            }
        }
    CHECK(std::fabs(s[5] - (x[13] + x[17] + x[21])) < 1e-6);
    CHECK(std::fabs(norm.get()[0] - std::sqrt(squares)) < 1e-5);
    CHECK(picked.get() == (std::vector<float>{20, 21, 22, 23, 0, 1, 2, 3}));
    CHECK(put.get() == (std::vector<float>{0, 1, 2, 3, 0, 0, 0, 0, 20, 21, 22, 23}));
    CHECK(gathered.get() == (std::vector<float>{3, 10, 21}));
    CHECK(added.get() == (std::vector<float>{0, 1, 2, 3, 30, 33, 36, 39, 20, 21, 22, 23}));
    CHECK(close_to(all.get(), Doubles(x.begin(), x.end()), 4e-3));
    CHECK(EMU(emu_count)("violations") == 0);
}

TEST(adamw)
{
    Bench bench;
    auto p = random_values(10, 1), g = random_values(10, 2);
    Dev var(bench, {10}, F32, p), m(bench, {10}, F32, std::vector<float>(10, 0.1f)), v(bench, {10}, F32, std::vector<float>(10, 0.2f)), grad(bench, {10}, F32, g), step(bench, {1}, I64, {3});
    EXPECT(0, RUN_OP(bench, aclnnApplyAdamWV2, var.tensor, m.tensor, v.tensor, nullptr, grad.tensor, step.tensor, 0.01f, 0.9f, 0.99f, 0.1f, 1e-8f, false, false));
    bench.sync();
    Doubles expected;
    for (int i = 0; i < 10; i++) {
        double m1 = 0.9 * 0.1 + 0.1 * g[i], v1 = 0.99 * 0.2 + 0.01 * g[i] * g[i];
        expected.push_back(p[i] * (1 - 0.01 * 0.1) - 0.01 * (m1 / (1 - std::pow(0.9, 3))) / (std::sqrt(v1 / (1 - std::pow(0.99, 3))) + 1e-8));
    }
    CHECK(close_to(var.get(), expected, 1e-5));
}
