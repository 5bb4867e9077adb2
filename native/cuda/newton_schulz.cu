// NewtonSchulz and MuonStep: some matrices of a stack or list at a time, matrix number block_y of them in every kernel.
//
// A matrix comes in rounded and with its shorter side as rows, with the sum of its squares in parts; is divided by its norm;
// goes through products of which each is a kernel; and leaves turned back. All that lies in between is in the workspace, in
// the type that is rounded to between products, its rows at multiples of 16 bytes.
//
// A symmetric product computes the tiles on and below the diagonal and stores elements twice.
#include "gemm_tile.cuh"
#include "muon.cuh"
#include "product_tile.cuh"
#include "reduce.cuh"
#include "slices.cuh"
#include "triangle.cuh"

enum { ENDS_THREADS = 256, TURN = 32, TURN_ROWS = ENDS_THREADS / TURN };

struct NewtonSchulzEndsParams {
    int64_t words;
    Slices x, momentum, out;    // gradient and momentum, or a matrix alone; what comes out, or the parameter
    void *matrix;               // [matrices, short side, row_stride]
    float *squares;             // [matrices, parts]
    const float *hyper;
    int64_t x_type, momentum_type, in_type, compute_type, out_type, parameter_type;
    int64_t first_matrix, rows, columns, row_stride, parts, is_turned, has_momentum, looks_ahead, hyper_stride;
    int64_t clamps;
    double epsilon, beta, gradient_factor, scale;
};

DEVICE int64_t matrix_bytes(const NewtonSchulzEndsParams &p) {
    return (p.is_turned ? p.columns : p.rows) * p.row_stride * element_bytes(p.compute_type);
}

DEVICE char *own_matrix(const NewtonSchulzEndsParams &p) { return (char *)p.matrix + block_y() * matrix_bytes(p); }

// An element of what is to be orthogonalised, after the momentum has taken its step.
DEVICE float direction_value(const NewtonSchulzEndsParams &p, const void *x, void *momentum, int64_t at) {
    float gradient = load<ANY>(x, at, p.x_type);
    if (!p.has_momentum) {
        return gradient;
    }
    float beta = (float)p.beta, factor = (float)p.gradient_factor;
    float mean = factor * gradient + beta * load<ANY>(momentum, at, p.momentum_type);
    store<ANY>(momentum, at, p.momentum_type, mean);
    mean = rounded<ANY>(p.momentum_type, mean);
    return rounded<ANY>(p.in_type, p.looks_ahead ? factor * gradient + beta * mean : mean);
}

// Tiles of 32x32 pass through shared memory, where they may be turned, so that both sides are read and written along rows.
KERNEL(newton_schulz_begin, NewtonSchulzEndsParams, ENDS_THREADS) {
    SHARED(float, tile, TURN)[TURN + 1];
    int64_t number = p.first_matrix + block_y(), across = (p.columns + TURN - 1) / TURN;
    int64_t tiles = (p.rows + TURN - 1) / TURN * across;
    const char *x = slice(p.x, number);
    char *momentum = p.has_momentum ? slice(p.momentum, number) : nullptr, *to = own_matrix(p);
    int lane = thread_index() % TURN, line = thread_index() / TURN;
    float squares = 0;
    for (int64_t i = block_x(); i < tiles; i += p.parts) {
        int64_t top = i / across * TURN, left = i % across * TURN;
        sync_block();
        for (int r = line; r < TURN; r += TURN_ROWS) {
            if (top + r < p.rows && left + lane < p.columns) {
                float value = direction_value(p, x, momentum, (top + r) * p.columns + left + lane);
                value = rounded<ANY>(p.compute_type, value);
                squares = fmaf(value, value, squares);
                tile[r][lane] = value;
            }
        }
        sync_block();
        for (int r = line; r < TURN; r += TURN_ROWS) {
            int64_t row = p.is_turned ? left + r : top + r, column = p.is_turned ? top + lane : left + lane;
            if (row < (p.is_turned ? p.columns : p.rows) && column < (p.is_turned ? p.rows : p.columns)) {
                store<ANY>(to, row * p.row_stride + column, p.compute_type, p.is_turned ? tile[lane][r] : tile[r][lane]);
            }
        }
    }
    squares = over_block<Sum>(squares);
    if (thread_index() == 0) {
        p.squares[block_y() * p.parts + block_x()] = squares;
    }
}

KERNEL(newton_schulz_divide, NewtonSchulzEndsParams, ENDS_THREADS) {
    float squares = 0;
    for (int64_t i = thread_index(); i < p.parts; i += thread_count()) {
        squares += p.squares[block_y() * p.parts + i];
    }
    float norm = sqrtf(over_block<Sum>(squares)), epsilon = (float)p.epsilon;
    float divisor = p.clamps ? norm < epsilon ? epsilon : norm : norm + epsilon;
    int64_t rows = p.is_turned ? p.columns : p.rows, columns = p.is_turned ? p.rows : p.columns;
    char *matrix = own_matrix(p);
    for (int64_t i = grid_thread(); i < rows * columns; i += grid_threads()) {
        int64_t at = i / columns * p.row_stride + i % columns;
        store<ANY>(matrix, at, p.compute_type, load<ANY>(matrix, at, p.compute_type) / divisor);
    }
}

DEVICE void finish_element(const NewtonSchulzEndsParams &p, char *out, int64_t at, float value) {
    if (p.hyper == nullptr) {
        store<ANY>(out, at, p.out_type, value);
        return;
    }
    float direction = rounded<ANY>(p.out_type, value), weight = load<ANY>(out, at, p.parameter_type);
    store<ANY>(out, at, p.parameter_type, muon_value(weight, direction, p.hyper, p.hyper_stride, p.scale));
}

KERNEL(newton_schulz_end, NewtonSchulzEndsParams, ENDS_THREADS) {
    SHARED(float, tile, TURN)[TURN + 1];
    int64_t across = (p.columns + TURN - 1) / TURN, tiles = (p.rows + TURN - 1) / TURN * across;
    const char *from = own_matrix(p);
    char *out = slice(p.out, p.first_matrix + block_y());
    int lane = thread_index() % TURN, line = thread_index() / TURN;
    for (int64_t i = block_x(); i < tiles; i += grid_x()) {
        int64_t top = i / across * TURN, left = i % across * TURN;
        sync_block();
        for (int r = line; r < TURN; r += TURN_ROWS) {
            int64_t row = p.is_turned ? left + r : top + r, column = p.is_turned ? top + lane : left + lane;
            if (row < (p.is_turned ? p.columns : p.rows) && column < (p.is_turned ? p.rows : p.columns)) {
                float value = load<ANY>(from, row * p.row_stride + column, p.compute_type);
                (p.is_turned ? tile[lane][r] : tile[r][lane]) = value;
            }
        }
        sync_block();
        for (int r = line; r < TURN; r += TURN_ROWS) {
            if (top + r < p.rows && left + lane < p.columns) {
                finish_element(p, out, (top + r) * p.columns + left + lane, tile[r][lane]);
            }
        }
    }
}

// out = alpha a op(b) + beta c, and shifted = out + shift I where that is wanted.
struct NewtonSchulzProductParams {
    int64_t words;
    const void *a, *b, *c;
    void *out, *shifted;
    int64_t type, rows, columns, depth, is_symmetric;
    int64_t a_row_stride, b_row_stride, c_row_stride, out_row_stride;
    int64_t a_bytes, b_bytes, c_bytes, out_bytes;       // from matrix to matrix
    double alpha, beta, shift;
};

struct ProductTile {
    int64_t first_row, first_column;
};

DEVICE ProductTile product_tile_of(const NewtonSchulzProductParams &p, int64_t height, int64_t width) {
    if (p.is_symmetric) {
        TriangleTile tile = triangle_tile(block_x());
        return {tile.row * height, tile.column * width};
    }
    // Tiles of one column follow one another, so that they share their part of b in the cache.
    int64_t row_tiles = (p.rows + height - 1) / height;
    return {block_x() % row_tiles * height, block_x() / row_tiles * width};
}

// Of a symmetric product, what lies above the diagonal is what lies below it, in tiles on the diagonal too: the difference
// between the two, which is rounding, would grow from product to product.
template <int Type>
DEVICE void store_product(const NewtonSchulzProductParams &p, int64_t row, int64_t column, float sum) {
    int64_t matrix = block_y();
    if (p.is_symmetric && column > row) {
        return;
    }
    bool mirrors = p.is_symmetric && column < row;
    float value = (float)p.alpha * sum;
    if (p.beta != 0) {
        const char *c = (const char *)p.c + matrix * p.c_bytes;
        value += (float)p.beta * load<Type>(c, row * p.c_row_stride + column, p.type);
    }
    char *out = (char *)p.out + matrix * p.out_bytes;
    store<Type>(out, row * p.out_row_stride + column, p.type, value);
    if (mirrors) {
        store<Type>(out, column * p.out_row_stride + row, p.type, value);
    }
    if (p.shifted != nullptr) {
        char *shifted = (char *)p.shifted + matrix * p.out_bytes;
        float moved = rounded<Type>(p.type, value) + (row == column ? (float)p.shift : 0.0f);
        store<Type>(shifted, row * p.out_row_stride + column, p.type, moved);
        if (mirrors) {
            store<Type>(shifted, column * p.out_row_stride + row, p.type, moved);
        }
    }
}

template <int Type, class Shape, bool Transposed>
DEVICE void newton_schulz_mma(const NewtonSchulzProductParams &p) {
    Product product = {(const uint16_t *)((const char *)p.a + block_y() * p.a_bytes),
                       (const uint16_t *)((const char *)p.b + block_y() * p.b_bytes),
                       p.rows, p.columns, p.depth, p.a_row_stride, p.b_row_stride};
    ProductTile tile = product_tile_of(p, Shape::rows, Shape::columns);
    product_tile<Type, Shape, Transposed>(product, tile.first_row, tile.first_column,
        [&](int64_t row, int64_t column, float sum) { store_product<Type>(p, row, column, sum); });
}

#define NEWTON_SCHULZ_MMA(name, type, Shape, transposed) \
    KERNEL(name, NewtonSchulzProductParams, Shape::threads) { newton_schulz_mma<type, Shape, transposed>(p); }

NEWTON_SCHULZ_MMA(newton_schulz_bf16_large_nt, BF16, LargeBlock, true)
NEWTON_SCHULZ_MMA(newton_schulz_bf16_large_nn, BF16, LargeBlock, false)
NEWTON_SCHULZ_MMA(newton_schulz_bf16_small_nt, BF16, SmallBlock, true)
NEWTON_SCHULZ_MMA(newton_schulz_bf16_small_nn, BF16, SmallBlock, false)
NEWTON_SCHULZ_MMA(newton_schulz_f16_large_nt, F16, LargeBlock, true)
NEWTON_SCHULZ_MMA(newton_schulz_f16_large_nn, F16, LargeBlock, false)
NEWTON_SCHULZ_MMA(newton_schulz_f16_small_nt, F16, SmallBlock, true)
NEWTON_SCHULZ_MMA(newton_schulz_f16_small_nn, F16, SmallBlock, false)

template <bool Transposed>
DEVICE void newton_schulz_fma(const NewtonSchulzProductParams &p) {
    Matrix a = {}, b = {};
    a.values = (const char *)p.a + block_y() * p.a_bytes;
    b.values = (const char *)p.b + block_y() * p.b_bytes;
    a.type = b.type = p.type;
    a.row_stride = p.a_row_stride;
    a.column_stride = 1;
    b.row_stride = Transposed ? p.b_row_stride : 1;
    b.column_stride = Transposed ? 1 : p.b_row_stride;
    ProductTile tile = product_tile_of(p, TILE, TILE);
    GemmTile t = {};
    t.first_row = tile.first_row;
    t.first_column = tile.first_column;
    t.rows = p.rows;
    t.columns = p.columns;
    t.depth = p.depth;
    fma_sums(a, b, t, [&](int64_t row, int64_t column, float sum) { store_product<F32>(p, row, column, sum); });
}

KERNEL(newton_schulz_f32_nt, NewtonSchulzProductParams, FMA_THREADS) { newton_schulz_fma<true>(p); }

KERNEL(newton_schulz_f32_nn, NewtonSchulzProductParams, FMA_THREADS) { newton_schulz_fma<false>(p); }
