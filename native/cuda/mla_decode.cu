// MlaDecode: attention of a few queries over a paged latent cache that all heads share.
//
// A sequence is cut into parts of whole splits, as many as its length alone decides. A block takes one part for eight lanes,
// a lane being a head of a query: it loads eight cache rows at a time as F32, each warp makes the logits of its lane, and all
// threads sum the values with the running softmax. A second kernel merges the parts of a lane in ascending order.
#include "faults.cuh"
#include "matrix.cuh"
#include "reduce.cuh"

enum { DECODE_THREADS = 256, LANES = 8, CACHE_ROWS = 8, MOST_PARTS = 16, MOST_VALUES = 4 };

struct MlaDecodeParams {
    int64_t words;
    const void *query, *cache;
    const int32_t *block_table, *lengths;
    const float *sink;
    void *out;
    float *log_sum_exp, *max_logit;
    const int32_t *active_rows;
    Faults *faults;
    float *partial;             // [sequences, lanes, parts]: values, then largest logit and sum
    int64_t query_type, cache_type, out_type, sequences, queries, heads, latent_dim, rope_dim, pages, rows_per_page,
        most_pages, split_rows, parts;
    int64_t query_row_stride, query_head_stride, out_row_stride, out_head_stride, table_stride, lengths_stride, sink_stride,
        lse_row_stride, lse_head_stride, max_stride;
    double scale;
};

DEVICE int64_t lanes_of(const MlaDecodeParams &p) { return p.queries * p.heads; }

DEVICE float *partial_of(const MlaDecodeParams &p, int64_t sequence, int64_t lane, int64_t part) {
    return p.partial + ((sequence * lanes_of(p) + lane) * p.parts + part) * (p.latent_dim + 2);
}

// The rows that count: a negative length as none, one beyond the block table as far as that goes.
DEVICE int64_t length_of(const MlaDecodeParams &p, int64_t sequence) {
    int64_t length = p.lengths[sequence * p.lengths_stride], most = p.most_pages * p.rows_per_page;
    return length < 0 ? 0 : length > most ? most : length;
}

// Whole splits a part, so that there are never more than MOST_PARTS.
DEVICE int64_t part_rows(const MlaDecodeParams &p, int64_t length) {
    int64_t splits = (length + p.split_rows - 1) / p.split_rows;
    int64_t each = (splits + MOST_PARTS - 1) / MOST_PARTS;
    return (each < 1 ? 1 : each) * p.split_rows;
}

DEVICE void report_decode_faults(const MlaDecodeParams &p, int64_t sequence) {
    int64_t length = p.lengths[sequence * p.lengths_stride], most = p.most_pages * p.rows_per_page;
    if (length < 0 || length > most) {
        report_fault(p.faults, LENGTHS, sequence, length, most + 1);
    }
    int64_t used = (length_of(p, sequence) + p.rows_per_page - 1) / p.rows_per_page;
    for (int64_t i = 0; i < used; i++) {
        int64_t page = p.block_table[sequence * p.table_stride + i];
        if (page < 0 || page >= p.pages) {
            report_fault(p.faults, BLOCK_TABLE, sequence * p.most_pages + i, page, p.pages);
        }
    }
}

// The address of a cache row in elements, or -1 if its page is outside the pool.
DEVICE int64_t cache_row(const MlaDecodeParams &p, int64_t sequence, int64_t row) {
    int64_t page = p.block_table[sequence * p.table_stride + row / p.rows_per_page];
    if (page < 0 || page >= p.pages) {
        return -1;
    }
    return (page * p.rows_per_page + row % p.rows_per_page) * (p.latent_dim + p.rope_dim);
}

KERNEL(mla_decode_begin, MlaDecodeParams, 32) {
    for (int64_t h = grid_thread(); h < p.heads; h += grid_threads()) {
        p.max_logit[h * p.max_stride] = -INFINITY;
    }
}

KERNEL(mla_decode_parts, MlaDecodeParams, DECODE_THREADS) {
    SHARED(float, weights, LANES * CACHE_ROWS);
    SHARED(float, rescale, LANES);
    float *rows = (float *)shared_memory();
    int64_t lane_blocks = (lanes_of(p) + LANES - 1) / LANES;
    int64_t sequence = block_x() / lane_blocks, first_lane = block_x() % lane_blocks * LANES, part = block_y();
    if (sequence >= live_rows(p.sequences, p.active_rows)) {
        return;
    }
    if (part == 0 && first_lane == 0 && thread_index() == 0) {
        report_decode_faults(p, sequence);
    }
    int64_t length = length_of(p, sequence), row_dim = p.latent_dim + p.rope_dim;
    int64_t begin = part * part_rows(p, length), end = begin + part_rows(p, length);
    end = end < length ? end : length;
    if (begin >= length && part > 0) {
        return;
    }
    int warp = thread_index() / WARP, warp_lane = thread_index() % WARP;
    int64_t lane = first_lane + warp;
    bool has_lane = lane < lanes_of(p);
    int64_t query = has_lane ? lane / p.heads : 0, head = has_lane ? lane % p.heads : 0;
    int64_t visible = length - p.queries + query + 1;
    float *own_query = rows + CACHE_ROWS * row_dim + warp * row_dim;
    for (int64_t i = warp_lane; i < row_dim; i += WARP) {
        int64_t at = (sequence * p.queries + query) * p.query_row_stride + head * p.query_head_stride + i;
        own_query[i] = has_lane ? load<ANY>(p.query, at, p.query_type) : 0.0f;
    }
    float largest = -INFINITY, sum = 0;
    float values[LANES][MOST_VALUES] = {};
    for (int64_t first = begin; first < end; first += CACHE_ROWS) {
        sync_block();
        for (int64_t i = thread_index(); i < CACHE_ROWS * row_dim; i += thread_count()) {
            int64_t row = first + i / row_dim;
            int64_t at = row < end ? cache_row(p, sequence, row) : -1;
            rows[i] = at < 0 ? 0.0f : weight_value(p.cache, at + i % row_dim, p.cache_type);
        }
        sync_block();
        float logits[CACHE_ROWS], block_largest = largest;
        UNROLL
        for (int r = 0; r < CACHE_ROWS; r++) {
            float dot = 0;
            for (int64_t i = warp_lane; i < row_dim; i += WARP) {
                dot = fmaf(own_query[i], rows[r * row_dim + i], dot);
            }
            dot = over_warp<Sum>(dot) * (float)p.scale;
            bool there = first + r < end && first + r < visible && cache_row(p, sequence, first + r) >= 0;
            logits[r] = there ? dot : -INFINITY;
            block_largest = Max::of(block_largest, logits[r]);
        }
        float factor = block_largest == -INFINITY ? 1.0f : expf(largest - block_largest);
        sum *= factor;
        UNROLL
        for (int r = 0; r < CACHE_ROWS; r++) {
            float weight = logits[r] == -INFINITY ? 0.0f : expf(logits[r] - block_largest);
            sum += weight;
            if (warp_lane == 0) {
                weights[warp * CACHE_ROWS + r] = weight;
            }
        }
        if (warp_lane == 0) {
            rescale[warp] = factor;
        }
        largest = block_largest;
        sync_block();
        UNROLL
        for (int v = 0; v < MOST_VALUES; v++) {
            int64_t column = thread_index() + v * DECODE_THREADS;
            if (column < p.latent_dim) {
                UNROLL
                for (int l = 0; l < LANES; l++) {
                    float value = values[l][v] * rescale[l];
                    UNROLL
                    for (int r = 0; r < CACHE_ROWS; r++) {
                        value = fmaf(weights[l * CACHE_ROWS + r], rows[r * row_dim + column], value);
                    }
                    values[l][v] = value;
                }
            }
        }
    }
    UNROLL
    for (int l = 0; l < LANES; l++) {
        if (first_lane + l < lanes_of(p)) {
            float *to = partial_of(p, sequence, first_lane + l, part);
            UNROLL
            for (int v = 0; v < MOST_VALUES; v++) {
                int64_t column = thread_index() + v * DECODE_THREADS;
                if (column < p.latent_dim) {
                    to[column] = values[l][v];
                }
            }
        }
    }
    if (has_lane && warp_lane == 0) {
        float *to = partial_of(p, sequence, lane, part);
        to[p.latent_dim] = largest;
        to[p.latent_dim + 1] = sum;
        if (p.max_logit != nullptr && largest > -INFINITY) {
            atomic_max(p.max_logit + head * p.max_stride, largest);
        }
    }
}

// A block a lane of a sequence.
KERNEL(mla_decode_merge, MlaDecodeParams, DECODE_THREADS) {
    int64_t sequence = block_x() / lanes_of(p), lane = block_x() % lanes_of(p);
    if (sequence >= live_rows(p.sequences, p.active_rows)) {
        return;
    }
    int64_t length = length_of(p, sequence), query = lane / p.heads, head = lane % p.heads;
    int64_t parts = (length + part_rows(p, length) - 1) / part_rows(p, length);
    float largest = -INFINITY, sum = 0;
    for (int64_t part = 0; part < parts; part++) {
        largest = Max::of(largest, partial_of(p, sequence, lane, part)[p.latent_dim]);
    }
    bool sees = largest != -INFINITY;
    for (int64_t part = 0; sees && part < parts; part++) {
        const float *from = partial_of(p, sequence, lane, part);
        sum += from[p.latent_dim + 1] * expf(from[p.latent_dim] - largest);
    }
    // The sink takes part in the sum; what is larger is what everything is measured by.
    float divisor = sum;
    if (p.sink != nullptr && sees) {
        divisor += expf(p.sink[head * p.sink_stride] - largest);
    }
    int64_t row = sequence * p.queries + query;
    for (int64_t i = thread_index(); i < p.latent_dim; i += thread_count()) {
        float value = 0;
        for (int64_t part = 0; sees && part < parts; part++) {
            const float *from = partial_of(p, sequence, lane, part);
            value += from[i] * expf(from[p.latent_dim] - largest);
        }
        store<ANY>(p.out, row * p.out_row_stride + head * p.out_head_stride + i, p.out_type, sees ? value / divisor : 0.0f);
    }
    if (p.log_sum_exp != nullptr && thread_index() == 0) {
        p.log_sum_exp[row * p.lse_row_stride + head * p.lse_head_stride] = sees ? largest + logf(sum) : INFINITY;
    }
}
