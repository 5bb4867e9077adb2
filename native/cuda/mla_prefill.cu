// MlaPrefill: attention over keys and values of every head, a block a head and a tile of queries of one sequence; the last
// tiles of a sequence come first.
//
// On the matrix units (queries, keys, values and result all BF16 or all F16): 64 queries by 64 keys, a warp 16 queries. The
// queries' fragments stay in registers, as do the sums of values; weights go from one product to the next in registers. The
// next keys come while weights and values are multiplied, the next values while keys are.
//
// By multiply-adds, for everything else: 32 queries by 32 keys, and 128 values of a head, the second dimension of the grid
// being the next 128.
#include "mma.cuh"
#include "ragged.cuh"
#include "reduce.cuh"

enum {
    PREFILL_THREADS = 128, PREFILL_QUERIES = 64, PREFILL_KEYS = 64,
    MOST_KEY_DIM = 192, MOST_VALUE_DIM = 128, KEY_PITCH = MOST_KEY_DIM + 8, VALUE_PITCH = MOST_VALUE_DIM + 8,
    KEY_STEPS = MOST_KEY_DIM / 16, VALUE_PARTS = MOST_VALUE_DIM / 8, KEY_PARTS = PREFILL_KEYS / 8,
    PLAIN_THREADS = 256, PLAIN_TILE = 32, PLAIN_PITCH = PLAIN_TILE + 1, PLAIN_LANES = 8, PLAIN_COLUMNS = 128,
    PLAIN_VALUES = PLAIN_COLUMNS / PLAIN_LANES
};

struct MlaPrefillParams {
    int64_t words;
    const void *query, *key, *rope_key, *value;
    Ragged ragged;
    const float *sink;
    void *out;
    float *log_sum_exp, *max_logit;
    Faults *faults;
    int64_t in_type, out_type, heads, nope_dim, rope_dim, value_dim, causal;
    int64_t query_row_stride, query_head_stride, key_row_stride, key_head_stride, rope_stride, value_row_stride,
        value_head_stride, sink_stride, out_row_stride, out_head_stride, lse_row_stride, lse_head_stride, max_stride;
    double scale;
};

#define LOG2_E 1.4426950408889634f
#define LN_2 0.6931471805599453f

KERNEL(mla_prefill_begin, MlaPrefillParams, 32) {
    if (block_x() == 0 && thread_index() == 0) {
        report_bad_sequences(p.ragged, p.faults);
    }
    for (int64_t h = grid_thread(); p.max_logit != nullptr && h < p.heads; h += grid_threads()) {
        p.max_logit[h * p.max_stride] = -INFINITY;
    }
}

// What a row of the softmax ends with, in powers of two: the largest exponent, and the sum relative to it.
struct SoftmaxRow {
    float largest, sum;
};

// What the values' sum is multiplied by; the log-sum-exp is written by whoever is told to.
DEVICE float finish_row(const MlaPrefillParams &p, int64_t row, int64_t head, const SoftmaxRow &s, bool writes) {
    bool sees = s.largest != -INFINITY;
    if (writes && p.log_sum_exp != nullptr) {
        float lse = sees ? (s.largest + log2f(s.sum)) * LN_2 : INFINITY;
        p.log_sum_exp[row * p.lse_row_stride + head * p.lse_head_stride] = lse;
    }
    float divisor = s.sum;
    if (p.sink != nullptr) {
        divisor += exp2f(p.sink[head * p.sink_stride] * LOG2_E - s.largest);
    }
    return sees ? 1 / divisor : 0.0f;
}

// What the sums so far are multiplied by when the largest exponent grows.
DEVICE float rescaling(float before, float now) { return now == -INFINITY ? 1.0f : exp2f(before - now); }

DEVICE float softmax_weight(float exponent, float largest) {
    return exponent == -INFINITY ? 0.0f : exp2f(exponent - largest);
}

// One part of a row of a tile in shared memory: `count` elements, from there to `end` zeros.
template <bool Wide>
DEVICE void fill_row_part(uint16_t *to, const uint16_t *from, int64_t count, int64_t end, int lane, int lanes) {
    if (Wide) {
        for (int64_t i = lane * 8; i < end; i += lanes * 8) {
            copy_async(to + i, i < count ? from + i : from, i < count ? 16 : 0);
        }
    } else {
        for (int64_t i = lane; i < end; i += lanes) {
            to[i] = i < count ? from[i] : (uint16_t)0;
        }
    }
}

DEVICE int64_t rounded_up(int64_t value, int64_t step) { return (value + step - 1) / step * step; }

enum { FILL_LANES = 8 };

// Rows of queries, or of keys with the part that all heads share; rows beyond the end are zeros.
template <bool Wide>
DEVICE void fill_queries(const MlaPrefillParams &p, uint16_t *tile, int64_t first, int64_t rows, int64_t head) {
    int64_t dim = p.nope_dim + p.rope_dim;
    for (int r = thread_index() / FILL_LANES; r < PREFILL_QUERIES; r += PREFILL_THREADS / FILL_LANES) {
        int64_t row = r < rows ? first + r : first;
        const uint16_t *from = (const uint16_t *)p.query + row * p.query_row_stride + head * p.query_head_stride;
        fill_row_part<Wide>(
            tile + r * KEY_PITCH, from, r < rows ? dim : 0, rounded_up(dim, 16), thread_index() % FILL_LANES, FILL_LANES);
    }
}

template <bool Wide>
DEVICE void fill_keys(const MlaPrefillParams &p, uint16_t *tile, int64_t first, int64_t rows, int64_t head) {
    int lane = thread_index() % FILL_LANES;
    int64_t rope_end = rounded_up(p.nope_dim + p.rope_dim, 16) - p.nope_dim;
    for (int r = thread_index() / FILL_LANES; r < PREFILL_KEYS; r += PREFILL_THREADS / FILL_LANES) {
        int64_t row = r < rows ? first + r : first;
        const uint16_t *nope = (const uint16_t *)p.key + row * p.key_row_stride + head * p.key_head_stride;
        const uint16_t *rope = (const uint16_t *)p.rope_key + row * p.rope_stride;
        uint16_t *to = tile + r * KEY_PITCH;
        fill_row_part<Wide>(to, nope, r < rows ? p.nope_dim : 0, p.nope_dim, lane, FILL_LANES);
        fill_row_part<Wide>(to + p.nope_dim, rope, r < rows ? p.rope_dim : 0, rope_end, lane, FILL_LANES);
    }
}

template <bool Wide>
DEVICE void fill_values(const MlaPrefillParams &p, uint16_t *tile, int64_t first, int64_t rows, int64_t head) {
    for (int r = thread_index() / FILL_LANES; r < PREFILL_KEYS; r += PREFILL_THREADS / FILL_LANES) {
        int64_t row = r < rows ? first + r : first;
        const uint16_t *from = (const uint16_t *)p.value + row * p.value_row_stride + head * p.value_head_stride;
        fill_row_part<Wide>(tile + r * VALUE_PITCH, from, r < rows ? p.value_dim : 0, rounded_up(p.value_dim, 16),
            thread_index() % FILL_LANES, FILL_LANES);
    }
}

template <int Type>
DEVICE uint32_t pack_pair(float low, float high) {
    uint16_t first = Type == F16 ? float_to_f16(low) : float_to_bf16(low);
    uint16_t second = Type == F16 ? float_to_f16(high) : float_to_bf16(high);
    return first | (uint32_t)second << 16;
}

// The scores of 16 queries and a tile of keys.
template <int Type>
DEVICE void multiply_keys(
    float (&scores)[KEY_PARTS][4], const uint32_t (&queries)[KEY_STEPS][4], const uint16_t *keys, int64_t dim, int lane) {
    UNROLL
    for (int j = 0; j < KEY_PARTS; j++) {
        UNROLL
        for (int i = 0; i < 4; i++) {
            scores[j][i] = 0;
        }
    }
    UNROLL
    for (int s = 0; s < KEY_STEPS; s++) {
        if (s * 16 < dim) {
            UNROLL
            for (int j = 0; j < KEY_PARTS; j += 2) {
                uint32_t both[4];
                load_matrices<false>(
                    both, keys + (8 * j + lane % 8 + lane / 16 * 8) * KEY_PITCH + s * 16 + lane / 8 % 2 * 8);
                uint32_t first[2] = {both[0], both[1]}, second[2] = {both[2], both[3]};
                mma<Type>(scores[j], queries[s], first);
                mma<Type>(scores[j + 1], queries[s], second);
            }
        }
    }
}

// Adds values by weight; the weights are where the scores were.
template <int Type>
DEVICE void multiply_values(
    float (&sums)[VALUE_PARTS][4], const float (&weights)[KEY_PARTS][4], const uint16_t *values, int64_t dim, int lane) {
    UNROLL
    for (int s = 0; s < PREFILL_KEYS / 16; s++) {
        uint32_t own[4] = {
            pack_pair<Type>(weights[2 * s][0], weights[2 * s][1]), pack_pair<Type>(weights[2 * s][2], weights[2 * s][3]),
            pack_pair<Type>(weights[2 * s + 1][0], weights[2 * s + 1][1]),
            pack_pair<Type>(weights[2 * s + 1][2], weights[2 * s + 1][3])};
        UNROLL
        for (int j = 0; j < VALUE_PARTS; j += 2) {
            if (j * 8 < dim) {
                uint32_t both[4];
                load_matrices<true>(both, values + (s * 16 + lane % 16) * VALUE_PITCH + 8 * j + lane / 16 * 8);
                uint32_t first[2] = {both[0], both[1]}, second[2] = {both[2], both[3]};
                mma<Type>(sums[j], own, first);
                mma<Type>(sums[j + 1], own, second);
            }
        }
    }
}

// Over the four lanes that have a row.
template <class Operation>
DEVICE float over_quad(float value) {
    value = Operation::of(value, exchange(value, 1));
    return Operation::of(value, exchange(value, 2));
}

template <int Type, bool Wide>
DEVICE void prefill_mma(const MlaPrefillParams &p) {
    SHARED(uint4, key_memory, PREFILL_KEYS * KEY_PITCH / 8);
    SHARED(uint4, value_memory, PREFILL_KEYS * VALUE_PITCH / 8);
    uint16_t *keys = (uint16_t *)key_memory, *values = (uint16_t *)value_memory;
    int64_t tiles = grid_x() / p.heads, head = block_x() / tiles;
    QueryTile tile = query_tile(p.ragged, PREFILL_QUERIES, block_x() % tiles);
    Sequence sequence = tile.sequence;
    if (sequence.queries == 0) {
        return;
    }
    int64_t count = sequence.queries - tile.first, dim = p.nope_dim + p.rope_dim;
    count = count < PREFILL_QUERIES ? count : (int64_t)PREFILL_QUERIES;
    int64_t end = visible_keys(sequence, tile.first + count - 1, p.causal);
    int warp = thread_index() / WARP, lane = thread_index() % WARP, g = lane / 4, pair = lane % 4 * 2;
    fill_queries<Wide>(p, keys, sequence.first_query + tile.first, count, head);
    commit_copies();
    wait_for_copies<0>();
    sync_block();
    uint32_t queries[KEY_STEPS][4];
    UNROLL
    for (int s = 0; s < KEY_STEPS; s++) {
        if (s * 16 < dim) {
            load_matrices<false>(queries[s], keys + (warp * 16 + lane % 16) * KEY_PITCH + s * 16 + lane / 16 * 8);
        }
    }
    sync_block();
    float sums[VALUE_PARTS][4] = {};
    SoftmaxRow rows[2] = {{-INFINITY, 0}, {-INFINITY, 0}};
    int64_t visible[2];
    UNROLL
    for (int half = 0; half < 2; half++) {
        int64_t query = tile.first + warp * 16 + g + 8 * half;
        visible[half] = query < sequence.queries ? visible_keys(sequence, query, p.causal) : 0;
    }
    float scale = (float)p.scale * LOG2_E;
    fill_keys<Wide>(p, keys, sequence.first_key, end, head);
    commit_copies();
    fill_values<Wide>(p, values, sequence.first_key, end, head);
    commit_copies();
    for (int64_t first = 0; first < end; first += PREFILL_KEYS) {
        wait_for_copies<1>();
        sync_block();
        float scores[KEY_PARTS][4];
        multiply_keys<Type>(scores, queries, keys, dim, lane);
        sync_block();
        int64_t next = first + PREFILL_KEYS;
        if (next < end) {
            fill_keys<Wide>(p, keys, sequence.first_key + next, end - next, head);
        }
        commit_copies();
        UNROLL
        for (int half = 0; half < 2; half++) {
            float largest = rows[half].largest;
            UNROLL
            for (int j = 0; j < KEY_PARTS; j++) {
                UNROLL
                for (int i = 0; i < 2; i++) {
                    bool sees = first + 8 * j + pair + i < visible[half];
                    float &score = scores[j][2 * half + i];
                    score = sees ? score * scale : -INFINITY;
                    largest = Max::of(largest, score);
                }
            }
            largest = over_quad<Max>(largest);
            float factor = rescaling(rows[half].largest, largest), sum = 0;
            UNROLL
            for (int j = 0; j < KEY_PARTS; j++) {
                UNROLL
                for (int i = 0; i < 2; i++) {
                    float &score = scores[j][2 * half + i];
                    score = softmax_weight(score, largest);
                    sum += score;
                }
            }
            // Each lane has its own part of the sum until the end.
            rows[half] = {largest, rows[half].sum * factor + sum};
            UNROLL
            for (int j = 0; j < VALUE_PARTS; j++) {
                sums[j][2 * half] *= factor;
                sums[j][2 * half + 1] *= factor;
            }
        }
        wait_for_copies<1>();
        sync_block();
        multiply_values<Type>(sums, scores, values, p.value_dim, lane);
        sync_block();
        if (next < end) {
            fill_values<Wide>(p, values, sequence.first_key + next, end - next, head);
        }
        commit_copies();
    }
    wait_for_copies<0>();
    float largest = -INFINITY;
    UNROLL
    for (int half = 0; half < 2; half++) {
        int64_t query = warp * 16 + g + 8 * half, row = sequence.first_query + tile.first + query;
        rows[half].sum = over_quad<Sum>(rows[half].sum);
        if (query < count) {
            largest = Max::of(largest, rows[half].largest);
            float factor = finish_row(p, row, head, rows[half], lane % 4 == 0);
            uint16_t *out = (uint16_t *)p.out + row * p.out_row_stride + head * p.out_head_stride;
            UNROLL
            for (int j = 0; j < VALUE_PARTS; j++) {
                int64_t column = 8 * j + pair;
                uint32_t both = pack_pair<Type>(sums[j][2 * half] * factor, sums[j][2 * half + 1] * factor);
                if (Wide && column < p.value_dim) {
                    *(uint32_t *)(out + column) = both;
                } else if (column < p.value_dim) {
                    out[column] = (uint16_t)both;
                    if (column + 1 < p.value_dim) {
                        out[column + 1] = (uint16_t)(both >> 16);
                    }
                }
            }
        }
    }
    largest = over_warp<Max>(largest);
    if (p.max_logit != nullptr && lane == 0 && largest > -INFINITY) {
        atomic_max(p.max_logit + head * p.max_stride, largest * LN_2);
    }
}

KERNEL(mla_prefill_bf16_wide, MlaPrefillParams, PREFILL_THREADS) { prefill_mma<BF16, true>(p); }

KERNEL(mla_prefill_bf16, MlaPrefillParams, PREFILL_THREADS) { prefill_mma<BF16, false>(p); }

KERNEL(mla_prefill_f16_wide, MlaPrefillParams, PREFILL_THREADS) { prefill_mma<F16, true>(p); }

KERNEL(mla_prefill_f16, MlaPrefillParams, PREFILL_THREADS) { prefill_mma<F16, false>(p); }

DEVICE float query_value(const MlaPrefillParams &p, int64_t row, int64_t head, int64_t i) {
    return load<ANY>(p.query, row * p.query_row_stride + head * p.query_head_stride + i, p.in_type);
}

DEVICE float key_value(const MlaPrefillParams &p, int64_t row, int64_t head, int64_t i) {
    return i < p.nope_dim ? load<ANY>(p.key, row * p.key_row_stride + head * p.key_head_stride + i, p.in_type)
                          : load<ANY>(p.rope_key, row * p.rope_stride + i - p.nope_dim, p.in_type);
}

// Eight threads have a query: each four of its scores, and every eighth of its values.
KERNEL(mla_prefill, MlaPrefillParams, PLAIN_THREADS) {
    SHARED(float, query_tile_values, PLAIN_TILE)[PLAIN_PITCH];
    SHARED(float, key_tile_values, PLAIN_TILE)[PLAIN_PITCH];
    SHARED(float, weights, PLAIN_TILE)[PLAIN_PITCH];
    SHARED(float, values, PLAIN_TILE)[PLAIN_COLUMNS];
    int64_t tiles = grid_x() / p.heads, head = block_x() / tiles, first_column = block_y() * PLAIN_COLUMNS;
    QueryTile tile = query_tile(p.ragged, PLAIN_TILE, block_x() % tiles);
    Sequence sequence = tile.sequence;
    if (sequence.queries == 0) {
        return;
    }
    int64_t count = sequence.queries - tile.first, dim = p.nope_dim + p.rope_dim;
    count = count < PLAIN_TILE ? count : (int64_t)PLAIN_TILE;
    int64_t end = visible_keys(sequence, tile.first + count - 1, p.causal), top = sequence.first_query + tile.first;
    int own = thread_index() / PLAIN_LANES, lane = thread_index() % PLAIN_LANES;
    int64_t visible = own < count ? visible_keys(sequence, tile.first + own, p.causal) : 0;
    SoftmaxRow softmax = {-INFINITY, 0};
    float sums[PLAIN_VALUES] = {};
    float scale = (float)p.scale * LOG2_E;
    for (int64_t first = 0; first < end; first += PLAIN_TILE) {
        float scores[4] = {};
        for (int64_t d = 0; d < dim; d += PLAIN_TILE) {
            sync_block();
            for (int i = thread_index(); i < PLAIN_TILE * PLAIN_TILE; i += PLAIN_THREADS) {
                int r = i / PLAIN_TILE, c = i % PLAIN_TILE;
                query_tile_values[r][c] = r < count && d + c < dim ? query_value(p, top + r, head, d + c) : 0.0f;
                key_tile_values[r][c] =
                    first + r < end && d + c < dim ? key_value(p, sequence.first_key + first + r, head, d + c) : 0.0f;
            }
            sync_block();
            for (int c = 0; c < PLAIN_TILE; c++) {
                UNROLL
                for (int i = 0; i < 4; i++) {
                    scores[i] = fmaf(query_tile_values[own][c], key_tile_values[lane + PLAIN_LANES * i][c], scores[i]);
                }
            }
        }
        float largest = softmax.largest, sum = 0;
        UNROLL
        for (int i = 0; i < 4; i++) {
            scores[i] = first + lane + PLAIN_LANES * i < visible ? scores[i] * scale : -INFINITY;
            largest = Max::of(largest, scores[i]);
        }
        for (int mask = 1; mask < PLAIN_LANES; mask *= 2) {
            largest = Max::of(largest, exchange(largest, mask));
        }
        UNROLL
        for (int i = 0; i < 4; i++) {
            float weight = softmax_weight(scores[i], largest);
            weights[own][lane + PLAIN_LANES * i] = weight;
            sum += weight;
        }
        for (int mask = 1; mask < PLAIN_LANES; mask *= 2) {
            sum += exchange(sum, mask);
        }
        float factor = rescaling(softmax.largest, largest);
        softmax = {largest, softmax.sum * factor + sum};
        for (int i = thread_index(); i < PLAIN_TILE * PLAIN_COLUMNS; i += PLAIN_THREADS) {
            int64_t row = first + i / PLAIN_COLUMNS, column = first_column + i % PLAIN_COLUMNS;
            int64_t at = (sequence.first_key + row) * p.value_row_stride + head * p.value_head_stride + column;
            values[i / PLAIN_COLUMNS][i % PLAIN_COLUMNS] =
                row < end && column < p.value_dim ? load<ANY>(p.value, at, p.in_type) : 0.0f;
        }
        sync_block();
        UNROLL
        for (int v = 0; v < PLAIN_VALUES; v++) {
            sums[v] *= factor;
        }
        for (int k = 0; k < PLAIN_TILE; k++) {
            float weight = weights[own][k];
            UNROLL
            for (int v = 0; v < PLAIN_VALUES; v++) {
                sums[v] = fmaf(weight, values[k][lane + PLAIN_LANES * v], sums[v]);
            }
        }
    }
    if (own >= count) {
        return;
    }
    float factor = finish_row(p, top + own, head, softmax, lane == 0 && block_y() == 0);
    UNROLL
    for (int v = 0; v < PLAIN_VALUES; v++) {
        int64_t column = first_column + lane + PLAIN_LANES * v;
        if (column < p.value_dim) {
            int64_t at = (top + own) * p.out_row_stride + head * p.out_head_stride + column;
            store<ANY>(p.out, at, p.out_type, sums[v] * factor);
        }
    }
    if (p.max_logit != nullptr && lane == 0 && block_y() == 0 && softmax.largest > -INFINITY) {
        atomic_max(p.max_logit + head * p.max_stride, softmax.largest * LN_2);
    }
}
