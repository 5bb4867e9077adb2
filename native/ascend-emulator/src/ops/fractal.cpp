#include "fractal.h"

namespace emu {

namespace {
struct Layout {
    int64_t k, n, c0, k1, n1, matrices;
    explicit Layout(const Tensor &t)
        : k(t.dim(-2)), n(t.dim(-1)), c0(32 / static_cast<int64_t>(t.element())), k1((k + 15) / 16), n1((n + c0 - 1) / c0),
          matrices(t.count() / std::max<int64_t>(1, k * n))
    {
    }
    int64_t at(int64_t m, int64_t i, int64_t block) const { return ((m * n1 + block) * k1 + i / 16) * 16 * c0 + i % 16 * c0; }
};

template <class F> void for_pieces(const Layout &l, F f)
{
    for (int64_t m = 0; m < l.matrices; m++)
        for (int64_t i = 0; i < l.k; i++)
            for (int64_t block = 0; block < l.n1; block++)
                f(m, i, block * l.c0, std::min(l.c0, l.n - block * l.c0), l.at(m, i, block));
}
} // namespace

std::vector<int64_t> fractal_shape(const Tensor &t)
{
    Layout l(t);
    std::vector<int64_t> shape(t.dims.begin(), t.dims.end() - 2);
    for (int64_t d : {l.n1, l.k1, int64_t{16}, l.c0})
        shape.push_back(d);
    return shape;
}

std::vector<float> from_fractal(const Tensor &t)
{
    Layout l(t);
    std::vector<float> values(static_cast<size_t>(t.count()));
    for_pieces(l, [&](int64_t m, int64_t i, int64_t column, int64_t n, int64_t at) {
        read_row(t, t.offset + at, 1, n, &values[(m * l.k + i) * l.n + column]);
    });
    return values;
}

void to_fractal(const Tensor &from, const Tensor &to)
{
    Layout l(to);
    std::vector<float> row(l.c0);
    std::memset(to.data(), 0, static_cast<size_t>(l.matrices * l.n1 * l.k1 * 16 * l.c0) * to.element());
    for_pieces(l, [&](int64_t m, int64_t i, int64_t column, int64_t n, int64_t at) {
        int64_t start = row_at(from, m * l.k + i) + column * from.stride(-1);
        read_row(from, start, from.stride(-1), n, row.data());
        write_row(to, to.offset + at, 1, n, row.data());
    });
}

} // namespace emu
