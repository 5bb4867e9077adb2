// Products of matrices. 16-bit inputs are summed in F32 and rounded once; F32 inputs are summed in F32, and rounded
// before as the chosen cubeMathType says. FRACTAL_NZ weights are read through their layout.
#include "fractal.h"

namespace emu {

/* F32 inputs under cubeMathType: HF32 keeps 11 bits of mantissa, 310P goes through F16. */
static void lower_precision(std::vector<float> &values, int64_t math)
{
    if (state().settings.product == Product::P310) {
        for (float &v : values)
            v = static_cast<float>(static_cast<_Float16>(v));
    } else if (math == 1 || math == 3) {
        for (float &v : values) {
            uint32_t bits;
            std::memcpy(&bits, &v, 4);
            if ((bits & 0x7f800000) != 0x7f800000)
                bits = (bits + 0x7ff + (bits >> 12 & 1)) & 0xfffff000;
            std::memcpy(&v, &bits, 4);
        }
    }
}

void check_product_types(const Tensor &a, const Tensor &b, const Tensor &out, int64_t math)
{
    Product product = state().settings.product;
    NEED(is_float(a.type) && is_float(b.type) && is_float(out.type), "the types are BF16, FLOAT16 or FLOAT");
    NEED(a.type == b.type, "the factors have different types");
    NEED(math >= 0 && math <= (profile_8_1() ? 3 : 4), format("cubeMathType %lld", (long long)math));
    NEED(!(math == 2 && a.type == BF16), "cubeMathType 2 is not for BF16");
    if (product == Product::P310) {
        NEED(math != 3, "310P has no HF32");
        NEED(a.type != F32 || math == 1 || math == 2, "310P multiplies FLOAT only with cubeMathType 1");
    }
    bool wide = out.type == F32 && a.type != F32 && !profile_8_1() && product != Product::P310;
    NEED(out.type == a.type || wide, "out has another type than the factors");
}

std::vector<float> product(const Tensor &a, const Tensor &b, int64_t math)
{
    int64_t m = a.dim(0), k = a.dim(1), n = b.dim(1);
    std::vector<float> result(static_cast<size_t>(m * n)), left = floats(a);
    if (b.format == FRACTAL_NZ) {
        HostMatrix right(from_fractal(b), k, n);
        multiply(left.data(), m, k, right.tensor, result.data());
    } else if (a.type == F32 && (math == 1 || math == 3 || state().settings.product == Product::P310)) {
        std::vector<float> values = floats(b);
        lower_precision(left, math);
        lower_precision(values, math);
        HostMatrix right(std::move(values), k, n);
        multiply(left.data(), m, k, right.tensor, result.data());
    } else {
        multiply(left.data(), m, k, b, result.data());
    }
    return result;
}

namespace {

Tensor at_batch(const Tensor &t, const std::vector<int64_t> &batch, int64_t index)
{
    std::vector<int64_t> dims = batch;
    dims.push_back(t.dim(-2));
    dims.push_back(t.dim(-1));
    Tensor full = expand(t, dims);
    Tensor out = full;
    for (int64_t i = static_cast<int64_t>(batch.size()) - 1; i >= 0; i--) {
        out.offset += index % batch[i] * full.strides[i];
        index /= batch[i];
    }
    out.dims = {t.dim(-2), t.dim(-1)};
    out.strides = {t.stride(-2), t.stride(-1)};
    return out;
}

int64_t volume(const std::vector<int64_t> &dims)
{
    int64_t n = 1;
    for (int64_t d : dims)
        n *= d;
    return n;
}

struct Shapes {
    Tensor a, b, out;
    std::vector<int64_t> batch;
};
/* The factors as stacks of matrices; a vector is a row on the left and a column on the right. */
Shapes shapes_of(Tensor a, Tensor b, Tensor out)
{
    NEED(a.rank() >= 1 && b.rank() >= 1 && a.rank() <= 6 && b.rank() <= 6, "ranks are 1 to 6");
    bool row = a.rank() == 1, column = b.rank() == 1;
    if (row)
        a.dims.insert(a.dims.begin(), 1), a.strides.insert(a.strides.begin(), 0);
    if (column)
        b.dims.push_back(1), b.strides.push_back(0);
    NEED(a.dim(-1) == b.dim(-2), "the inner dimensions differ: " + a.text() + " and " + b.text());
    std::vector<int64_t> batch = broadcast({a.dims.begin(), a.dims.end() - 2}, {b.dims.begin(), b.dims.end() - 2}), shape = batch;
    if (!row)
        shape.push_back(a.dim(-2));
    if (!column)
        shape.push_back(b.dim(-1));
    NEED(out.dims == shape, "out has not the product's shape: " + out.text());
    if (column)
        out.dims.push_back(1), out.strides.push_back(0);
    if (row)
        out.dims.insert(out.dims.end() - 1, 1), out.strides.insert(out.strides.end() - 1, 0);
    return {a, b, out, batch};
}

void check_matmul(Call &c, const char *self, const char *mat2, int64_t rank)
{
    Tensor &a = c.t(self), &b = c.t(mat2), &out = c.t("out");
    NEED(!rank || (a.rank() == rank && b.rank() == rank), "the factors have the wrong rank");
    check_product_types(a, b, out, c.i("cubeMathType"));
    shapes_of(a, b, out);
}

void run_matmul(Call &c, const char *self, const char *mat2)
{
    Shapes s = shapes_of(c.t(self), c.t(mat2), c.t("out"));
    for (int64_t i = 0; i < volume(s.batch); i++) {
        auto result = product(at_batch(s.a, s.batch, i), at_batch(s.b, s.batch, i), c.i("cubeMathType"));
        write_all(at_batch(s.out, s.batch, i), result.data());
    }
}

#define PRODUCT(op, rank)                                                                                                      \
    OPERATOR(op) { check_matmul(c, "self", "mat2", rank); }                                                                    \
    RUN(op) { run_matmul(c, "self", "mat2"); }
PRODUCT(aclnnMatmul, 0)
PRODUCT(aclnnMm, 2)
PRODUCT(aclnnBatchMatMul, 3)

OPERATOR(aclnnMatmulWeightNz)
{
    check_matmul(c, "self", "mat2", 2);
    NEED(c.t("mat2").format == FRACTAL_NZ, "mat2 is not FRACTAL_NZ");
}
RUN(aclnnMatmulWeightNz) { run_matmul(c, "self", "mat2"); }

/* out = beta self + alpha a b. Where the device has one fused kernel the sum is rounded once, else every step is. */
bool fused(Call &c, const Tensor &self, const Tensor &a, const Tensor &out, bool in_place)
{
    Product product = state().settings.product;
    if (profile_8_1() || (product != Product::A2 && product != Product::A3))
        return false;
    double beta = c.scalar("beta"), alpha = c.scalar("alpha");
    bool all16 = a.type != F32 && self.type == a.type && out.type == a.type;
    if (c.i("cubeMathType") == 4 && all16)
        return true;
    if (a.type != F32 && out.type == F32 && self.dims == out.dims)
        return true;
    return alpha == 1 && beta == 1 && ((in_place && out.type == F32) || self.rank() == 1);
}

void check_addition(Call &c, const char *self, const char *m1, const char *m2, const char *out, int64_t rank)
{
    Tensor &a = c.t(m1), &b = c.t(m2), &o = c.t(out), &s = c.t(self);
    NEED(a.rank() == rank && b.rank() == rank && o.rank() == rank, "a tensor has the wrong rank");
    check_product_types(a, b, o, c.i("cubeMathType"));
    NEED(s.type == a.type || (s.type == F32 && !profile_8_1()), "self has another type than the factors");
    shapes_of(a, b, o);
    expand(s, o.dims);
    if (!fused(c, s, a, o, &s == &o))
        c.kernels = c.scalar("beta") == 0 ? (c.scalar("alpha") == 1 ? 1 : 2) : 3;
}

void run_addition(Call &c, const char *self, const char *m1, const char *m2, const char *out_name)
{
    Tensor &out = c.t(out_name), &a = c.t(m1);
    Shapes s = shapes_of(a, c.t(m2), out);
    Tensor addend = expand(c.t(self), out.dims);
    float beta = static_cast<float>(c.scalar("beta")), alpha = static_cast<float>(c.scalar("alpha"));
    bool once = fused(c, c.t(self), a, out, &c.t(self) == &out);
    auto rounded = [&](float v) {
        return once || out.type == F32 ? v : out.type == BF16 ? from_bf16(to_bf16(v)) : static_cast<float>(static_cast<_Float16>(v));
    };
    for (int64_t i = 0; i < volume(s.batch); i++) {
        auto result = product(at_batch(s.a, s.batch, i), at_batch(s.b, s.batch, i), c.i("cubeMathType"));
        if (beta != 0) {
            auto added = floats(at_batch(addend, s.batch, i));
            for (size_t j = 0; j < result.size(); j++)
                result[j] = rounded(beta * added[j]) + alpha * rounded(result[j]);
        } else if (alpha != 1) {
            for (float &v : result)
                v = alpha * rounded(v);
        }
        write_all(at_batch(s.out, s.batch, i), result.data());
    }
}

#define ADDITION(op, self, m1, m2, out, rank)                                                                                  \
    OPERATOR(op) { check_addition(c, self, m1, m2, out, rank); }                                                               \
    RUN(op) { run_addition(c, self, m1, m2, out); }
ADDITION(aclnnAddmm, "self", "mat1", "mat2", "out", 2)
ADDITION(aclnnInplaceAddmm, "selfRef", "mat1", "mat2", "selfRef", 2)
ADDITION(aclnnBaddbmm, "self", "batch1", "batch2", "out", 3)
ADDITION(aclnnInplaceBaddbmm, "selfRef", "batch1", "batch2", "selfRef", 3)

OPERATOR(aclnnNpuFormatCast)
{
    Tensor &from = c.t("srcTensor"), &to = c.t("dstTensor");
    NEED(from.type == to.type && from.dims == to.dims, "both tensors have the same type and view");
    NEED((from.format == FRACTAL_NZ) != (to.format == FRACTAL_NZ), "exactly one of the tensors is FRACTAL_NZ");
    NEED(from.rank() >= 2, "a matrix is needed");
}
RUN(aclnnNpuFormatCast)
{
    Tensor &from = c.t("srcTensor"), &to = c.t("dstTensor");
    if (to.format == FRACTAL_NZ) {
        to_fractal(from, to);
        return;
    }
    auto values = from_fractal(from);
    write_all(to, values.data());
}

OPERATOR(aclnnTransMatmulWeight)
{
    Tensor &t = c.t("mmWeightRef");
    LIMIT(t.rank() >= 2 && t.dim(-2) % 16 == 0 && t.dim(-1) % (32 / static_cast<int64_t>(t.element())) == 0,
        "in place the matrix must fill whole fractals");
    NEED(t.contiguous(), "the weight is contiguous");
}
RUN(aclnnTransMatmulWeight)
{
    Tensor from = c.t("mmWeightRef"), to = from;
    to.format = FRACTAL_NZ;
    std::vector<uint8_t> bytes(from.data(), from.data() + from.count() * from.element());
    from.address = reinterpret_cast<uint64_t>(bytes.data());
    from.offset = 0;
    to_fractal(from, to);
}

} // namespace
} // namespace emu

using namespace emu;

EMU_EXPORT int32_t impl_aclnnNpuFormatCastCalculateSizeAndFormat(const void *src, const int dstFormat, const int additionalDtype,
    int64_t **dstShape, uint64_t *dstShapeSize, int *actualFormat)
{
    (void)additionalDtype;
    return entry("aclnnNpuFormatCastCalculateSizeAndFormat", [&] {
        if (!src || !dstShape || !dstShapeSize || !actualFormat)
            fail(NN_PARAM_NULLPTR, "an argument is null");
        auto t = as<Tensor>(src, Kind::TENSOR, NN_PARAM_INVALID);
        NEED(dstFormat == FRACTAL_NZ && t->rank() >= 2, "a matrix becomes FRACTAL_NZ");
        std::vector<int64_t> shape = fractal_shape(*t);
        *dstShape = new int64_t[shape.size()];
        std::copy(shape.begin(), shape.end(), *dstShape);
        *dstShapeSize = shape.size();
        *actualFormat = FRACTAL_NZ;
    });
}
