// Rope: turns pairs of every head's values by position times frequency, a block a row. Angles, sines and cosines in F64, the
// products in F32; the values outside the turned run are copied.
#include "formats.cuh"

enum { MOST_PAIRS = 256 };

struct RopeParams {
    int64_t words;
    const void *x;
    const int32_t *positions;
    void *out;
    const int32_t *active_rows;
    int64_t in_type, out_type, rows, heads, head_dim, first, pairs, interleaved, inverse;
    int64_t x_row_stride, x_head_stride, out_row_stride, out_head_stride, positions_stride;
    double magnitude;
    double frequencies[MOST_PAIRS];
};

KERNEL(rope, RopeParams, 256) {
    SHARED(float, cosines, MOST_PAIRS);
    SHARED(float, sines, MOST_PAIRS);
    int64_t row = block_x();
    if (row >= live_rows(p.rows, p.active_rows)) {
        return;
    }
    double position = p.positions[row * p.positions_stride];
    for (int64_t i = thread_index(); i < p.pairs; i += thread_count()) {
        double angle = position * p.frequencies[i];
        cosines[i] = (float)(cos(angle) * p.magnitude);
        sines[i] = (float)(sin(p.inverse ? -angle : angle) * p.magnitude);
    }
    sync_block();
    // A thread owns a pair, or one value outside the run.
    int64_t outside = p.head_dim - 2 * p.pairs;
    int64_t items = p.pairs + outside;
    for (int64_t n = thread_index(); n < p.heads * items; n += thread_count()) {
        int64_t from = row * p.x_row_stride + n / items * p.x_head_stride;
        int64_t to = row * p.out_row_stride + n / items * p.out_head_stride;
        int64_t item = n % items;
        if (item >= p.pairs) {
            int64_t at = item - p.pairs;
            at += at >= p.first ? 2 * p.pairs : 0;
            store<ANY>(p.out, to + at, p.out_type, load<ANY>(p.x, from + at, p.in_type));
            continue;
        }
        int64_t a = p.first + (p.interleaved ? 2 * item : item);
        int64_t b = p.interleaved ? a + 1 : a + p.pairs;
        float x = load<ANY>(p.x, from + a, p.in_type);
        float y = load<ANY>(p.x, from + b, p.in_type);
        store<ANY>(p.out, to + a, p.out_type, x * cosines[item] - y * sines[item]);
        store<ANY>(p.out, to + b, p.out_type, x * sines[item] + y * cosines[item]);
    }
}
