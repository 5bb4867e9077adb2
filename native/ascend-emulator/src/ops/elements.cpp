#include "elements.h"

namespace emu {

static float from_float8(uint8_t bits, int mantissa_bits, int bias, bool has_inf)
{
    int exponent_bits = 7 - mantissa_bits;
    int exponent = bits >> mantissa_bits & ((1 << exponent_bits) - 1), mantissa = bits & ((1 << mantissa_bits) - 1);
    float sign = bits & 0x80 ? -1.f : 1.f;
    if (has_inf && exponent == (1 << exponent_bits) - 1)
        return mantissa ? std::numeric_limits<float>::quiet_NaN() : sign * std::numeric_limits<float>::infinity();
    if (!has_inf && (bits & 0x7f) == 0x7f)
        return std::numeric_limits<float>::quiet_NaN();
    float scale = std::ldexp(1.f, (exponent ? exponent : 1) - bias - mantissa_bits);
    return sign * static_cast<float>((exponent ? 1 << mantissa_bits : 0) + mantissa) * scale;
}

float from_f8(int32_t type, uint8_t bits)
{
    if (type == F8_E8M0)
        return bits == 255 ? std::numeric_limits<float>::quiet_NaN() : std::ldexp(1.f, bits - 127);
    return type == F8_E4M3FN ? from_float8(bits, 3, 7, false) : from_float8(bits, 2, 15, true);
}

uint8_t to_f8(int32_t type, float value)
{
    // The nearest of all values, ties to the even code: slow and plainly right.
    uint8_t best = 0;
    float error = std::numeric_limits<float>::infinity();
    if (std::isnan(value))
        return 0x7f;
    uint8_t sign = type != F8_E8M0 && std::signbit(value) ? 0x80 : 0;
    for (int code = 0; code < (type == F8_E8M0 ? 255 : 128); code++) {
        float candidate = from_f8(type, static_cast<uint8_t>(code));
        if (!std::isfinite(candidate))
            continue;
        float distance = std::fabs(std::fabs(value) - candidate);
        if (distance < error || (distance == error && !(code & 1)))
            error = distance, best = static_cast<uint8_t>(code);
    }
    return best | sign;
}

template <class S, class T> static void read_as(const Tensor &t, int64_t at, int64_t stride, int64_t n, T *to)
{
    const S *from = reinterpret_cast<const S *>(backing(t.address)) + at;
    if (stride == 1)
        for (int64_t i = 0; i < n; i++)
            to[i] = static_cast<T>(from[i]);
    else
        for (int64_t i = 0; i < n; i++)
            to[i] = static_cast<T>(from[i * stride]);
}

template <class T> void read_row(const Tensor &t, int64_t at, int64_t stride, int64_t n, T *to)
{
    switch (t.type) {
    case F32: return read_as<float>(t, at, stride, n, to);
    case F16: return read_as<_Float16>(t, at, stride, n, to);
    case DOUBLE: return read_as<double>(t, at, stride, n, to);
    case INT8: return read_as<int8_t>(t, at, stride, n, to);
    case UINT8: case BOOL: return read_as<uint8_t>(t, at, stride, n, to);
    case INT16: return read_as<int16_t>(t, at, stride, n, to);
    case UINT16: return read_as<uint16_t>(t, at, stride, n, to);
    case INT32: return read_as<int32_t>(t, at, stride, n, to);
    case UINT32: return read_as<uint32_t>(t, at, stride, n, to);
    case INT64: return read_as<int64_t>(t, at, stride, n, to);
    case UINT64: return read_as<uint64_t>(t, at, stride, n, to);
    case BF16: return read_as<Bf16>(t, at, stride, n, to);
    case F8_E4M3FN: case F8_E5M2: case F8_E8M0: {
        const uint8_t *from = backing(t.address) + at;
        for (int64_t i = 0; i < n; i++)
            to[i] = static_cast<T>(from_f8(t.type, from[i * stride]));
        return;
    }
    default: throw Fault{AICORE_EXCEPTION, format("dtype %d is not emulated", t.type)};
    }
}

template <class D, class T> static void write_as(const Tensor &t, int64_t at, int64_t stride, int64_t n, const T *from)
{
    D *to = reinterpret_cast<D *>(backing(t.address)) + at;
    if (stride == 1)
        for (int64_t i = 0; i < n; i++)
            to[i] = static_cast<D>(from[i]);
    else
        for (int64_t i = 0; i < n; i++)
            to[i * stride] = static_cast<D>(from[i]);
}

template <class T> void write_row(const Tensor &t, int64_t at, int64_t stride, int64_t n, const T *from)
{
    switch (t.type) {
    case F32: return write_as<float>(t, at, stride, n, from);
    case F16:
        if (state().settings.product == Product::P310) { // saturates
            std::vector<float> values(n);
            for (int64_t i = 0; i < n; i++) {
                float v = static_cast<float>(from[i]);
                values[i] = std::isnan(v) ? v : std::min(65504.f, std::max(-65504.f, v));
            }
            return write_as<_Float16>(t, at, stride, n, values.data());
        }
        return write_as<_Float16>(t, at, stride, n, from);
    case DOUBLE: return write_as<double>(t, at, stride, n, from);
    case INT8: return write_as<int8_t>(t, at, stride, n, from);
    case UINT8: return write_as<uint8_t>(t, at, stride, n, from);
    case INT16: return write_as<int16_t>(t, at, stride, n, from);
    case UINT16: return write_as<uint16_t>(t, at, stride, n, from);
    case INT32: return write_as<int32_t>(t, at, stride, n, from);
    case UINT32: return write_as<uint32_t>(t, at, stride, n, from);
    case INT64: return write_as<int64_t>(t, at, stride, n, from);
    case UINT64: return write_as<uint64_t>(t, at, stride, n, from);
    case BOOL: {
        uint8_t *to = backing(t.address) + at;
        for (int64_t i = 0; i < n; i++)
            to[i * stride] = from[i] != T(0);
        return;
    }
    case BF16: {
        uint16_t *to = reinterpret_cast<uint16_t *>(backing(t.address)) + at;
        if (stride == 1)
            for (int64_t i = 0; i < n; i++)
                to[i] = to_bf16(static_cast<float>(from[i]));
        else
            for (int64_t i = 0; i < n; i++)
                to[i * stride] = to_bf16(static_cast<float>(from[i]));
        return;
    }
    case F8_E4M3FN: case F8_E5M2: case F8_E8M0: {
        uint8_t *to = backing(t.address) + at;
        for (int64_t i = 0; i < n; i++)
            to[i * stride] = to_f8(t.type, static_cast<float>(from[i]));
        return;
    }
    default: throw Fault{AICORE_EXCEPTION, format("dtype %d is not emulated", t.type)};
    }
}

template void read_row(const Tensor &, int64_t, int64_t, int64_t, float *);
template void read_row(const Tensor &, int64_t, int64_t, int64_t, double *);
template void read_row(const Tensor &, int64_t, int64_t, int64_t, int64_t *);
template void write_row(const Tensor &, int64_t, int64_t, int64_t, const float *);
template void write_row(const Tensor &, int64_t, int64_t, int64_t, const double *);
template void write_row(const Tensor &, int64_t, int64_t, int64_t, const int64_t *);

int64_t wrap_dim(int64_t d, int64_t rank)
{
    int64_t wrapped = d < 0 ? d + std::max<int64_t>(rank, 1) : d;
    NEED(wrapped >= 0 && wrapped < std::max<int64_t>(rank, 1), format("dimension %lld of %lld", (long long)d, (long long)rank));
    return wrapped;
}

Tensor expand(const Tensor &t, const std::vector<int64_t> &dims)
{
    NEED(t.dims.size() <= dims.size(), "shapes do not broadcast");
    Tensor out = t;
    out.dims = dims;
    out.strides.assign(dims.size(), 0);
    size_t lead = dims.size() - t.dims.size();
    for (size_t i = 0; i < t.dims.size(); i++) {
        NEED(t.dims[i] == dims[lead + i] || t.dims[i] == 1, "shapes do not broadcast: " + t.text());
        out.strides[lead + i] = t.dims[i] == 1 ? 0 : t.strides[i];
    }
    return out;
}

std::vector<int64_t> broadcast(const std::vector<int64_t> &a, const std::vector<int64_t> &b)
{
    std::vector<int64_t> out(std::max(a.size(), b.size()), 1);
    for (size_t i = 0; i < out.size(); i++) {
        int64_t x = i < a.size() ? a[a.size() - 1 - i] : 1, y = i < b.size() ? b[b.size() - 1 - i] : 1;
        NEED(x == y || x == 1 || y == 1, "shapes do not broadcast");
        out[out.size() - 1 - i] = x == 1 ? y : x;
    }
    return out;
}

Tensor select(const Tensor &t, int64_t d, int64_t index)
{
    Tensor out = t;
    out.offset += index * t.strides[d];
    out.dims.erase(out.dims.begin() + d);
    out.strides.erase(out.strides.begin() + d);
    return out;
}

Tensor narrow(const Tensor &t, int64_t d, int64_t from, int64_t size)
{
    Tensor out = t;
    out.offset += from * t.strides[d];
    out.dims[d] = size;
    return out;
}

Tensor transposed(const Tensor &t, int64_t a, int64_t b)
{
    Tensor out = t;
    std::swap(out.dims[a], out.dims[b]);
    std::swap(out.strides[a], out.strides[b]);
    return out;
}

Tensor as_matrix(const Tensor &t)
{
    Tensor out = t;
    int64_t rank = t.rank(), rows = 1;
    for (int64_t i = 0; i < rank - 1; i++)
        rows *= t.dims[i];
    out.dims = {rows, rank ? t.dims[rank - 1] : 1};
    int64_t stride = out.dims[1];
    for (int64_t i = rank - 2; i >= 0; i--)
        if (t.dims[i] > 1) {
            stride = t.strides[i];
            break;
        }
    out.strides = {stride, rank ? t.strides[rank - 1] : 1};
    return out;
}

int64_t row_at(const Tensor &t, int64_t row)
{
    int64_t at = t.offset;
    for (int64_t i = t.rank() - 2; i >= 0; i--) {
        at += row % t.dims[i] * t.strides[i];
        row /= t.dims[i];
    }
    return at;
}

float dot(const float *a, const float *b, int64_t n)
{
    float sums[16] = {};
    int64_t i = 0;
    for (; i + 16 <= n; i += 16)
        for (int j = 0; j < 16; j++)
            sums[j] += a[i + j] * b[i + j];
    float sum = 0;
    for (; i < n; i++)
        sum += a[i] * b[i];
    for (int width = 8; width; width /= 2)
        for (int j = 0; j < width; j++)
            sums[j] += sums[j + width];
    return sum + sums[0];
}

namespace {
const int64_t COLUMNS = 64, DEPTH = 512;

typedef float Lane __attribute__((vector_size(64), aligned(4), may_alias));

/* R rows of c (64 columns) += R rows of a (k) · panel (k, 64). */
template <int R> void tile(const float *a, int64_t lda, int64_t k, const float *panel, float *c, int64_t ldc)
{
    Lane sum[R][4];
    for (int r = 0; r < R; r++)
        for (int l = 0; l < 4; l++)
            sum[r][l] = *reinterpret_cast<const Lane *>(c + r * ldc + l * 16);
    for (int64_t i = 0; i < k; i++) {
        const Lane *row = reinterpret_cast<const Lane *>(panel + i * COLUMNS);
        for (int r = 0; r < R; r++) {
            float x = a[r * lda + i];
            for (int l = 0; l < 4; l++)
                sum[r][l] += x * row[l];
        }
    }
    for (int r = 0; r < R; r++)
        for (int l = 0; l < 4; l++)
            *reinterpret_cast<Lane *>(c + r * ldc + l * 16) = sum[r][l];
}

/* A (depth, 64) panel of b as floats, zero beyond its columns. */
void pack(const Tensor &b, int64_t k0, int64_t depth, int64_t n0, int64_t width, float *panel)
{
    int64_t sk = b.strides[0], sn = b.strides[1], at = b.offset + k0 * sk + n0 * sn;
    if (sn == 1 || sk != 1) {
        for (int64_t k = 0; k < depth; k++) {
            read_row(b, at + k * sk, sn, width, panel + k * COLUMNS);
            std::fill(panel + k * COLUMNS + width, panel + (k + 1) * COLUMNS, 0.f);
        }
        return;
    }
    // A few steps of k at a time, so that the part of the panel that is written stays in the first cache.
    const int64_t PART = 64;
    float column[PART];
    if (width < COLUMNS)
        std::fill(panel, panel + depth * COLUMNS, 0.f);
    for (int64_t p = 0; p < depth; p += PART) {
        int64_t steps = std::min(PART, depth - p);
        for (int64_t n = 0; n < width; n++) {
            read_row(b, at + p + n * sn, 1, steps, column);
            for (int64_t k = 0; k < steps; k++)
                panel[(p + k) * COLUMNS + n] = column[k];
        }
    }
}
} // namespace

void multiply(const float *a, int64_t m, int64_t k, const Tensor &b, float *c)
{
    int64_t n = b.dims[1];
    std::vector<float> panel(DEPTH * COLUMNS), block(static_cast<size_t>(m) * COLUMNS);
    for (int64_t n0 = 0; n0 < n; n0 += COLUMNS) {
        int64_t width = std::min(COLUMNS, n - n0);
        std::fill(block.begin(), block.end(), 0.f);
        for (int64_t k0 = 0; k0 < k; k0 += DEPTH) {
            int64_t depth = std::min(DEPTH, k - k0);
            pack(b, k0, depth, n0, width, panel.data());
            int64_t i = 0;
            for (; i + 4 <= m; i += 4)
                tile<4>(a + i * k + k0, k, depth, panel.data(), &block[i * COLUMNS], COLUMNS);
            for (; i < m; i++)
                tile<1>(a + i * k + k0, k, depth, panel.data(), &block[i * COLUMNS], COLUMNS);
        }
        for (int64_t i = 0; i < m; i++)
            std::copy(&block[i * COLUMNS], &block[i * COLUMNS] + width, c + i * n + n0);
    }
}

} // namespace emu
