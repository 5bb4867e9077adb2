#include "attention.h"

namespace emu {

HeadRows::HeadRows(const Tensor &tensor, const std::string &layout, int64_t n) : t(tensor)
{
    auto use = [&](int b, int s, int h, int last) {
        batches = b < 0 ? 1 : t.dims[b];
        sb = b < 0 ? 0 : t.strides[b];
        steps = t.dims[s];
        ss = t.strides[s];
        heads = t.dims[h];
        sn = t.strides[h];
        d = t.dims[last];
        sd = t.strides[last];
    };
    auto need_rank = [&](int64_t rank) { NEED(t.rank() == rank, layout + " has another rank: " + t.text()); };
    if (layout == "BSH" || layout == "SBH") {
        need_rank(3);
        NEED(n > 0 && t.dims[2] % n == 0, "the width is not a multiple of the heads");
        bool swapped = layout == "SBH";
        batches = t.dims[swapped];
        sb = t.strides[swapped];
        steps = t.dims[!swapped];
        ss = t.strides[!swapped];
        heads = n;
        d = t.dims[2] / n;
        sd = t.strides[2];
        sn = d * sd;
    } else if (layout == "BSND") {
        need_rank(4), use(0, 1, 2, 3);
    } else if (layout == "BNSD") {
        need_rank(4), use(0, 2, 1, 3);
    } else if (layout == "NBSD") {
        need_rank(4), use(1, 2, 0, 3);
    } else if (layout == "TND") {
        need_rank(3), use(-1, 0, 1, 2);
    } else if (layout == "NTD") {
        need_rank(3), use(-1, 1, 0, 2);
    } else {
        fail(NN_PARAM_INVALID, "the layout is unknown: " + layout);
    }
    NEED(heads == n, format("%lld heads, but the tensor has %lld: ", (long long)n, (long long)heads) + t.text());
}

Softmax softmax_of(std::vector<float> &scores)
{
    const float masked = -std::numeric_limits<float>::infinity();
    Softmax s = {masked, 0};
    for (float v : scores)
        s.top = std::max(s.top, v);
    if (s.top == masked) {
        std::fill(scores.begin(), scores.end(), 0.f);
        return s;
    }
    for (float &v : scores)
        s.sum += v = std::exp(v - s.top);
    for (float &v : scores)
        v /= s.sum;
    return s;
}

} // namespace emu
