// QkClip: the rows of heads whose largest logit passed tau, times a power of tau / logit; a block a row. Rows of other heads
// are not touched.
#include "formats.cuh"

enum { CLIP_THREADS = 256 };

struct QkClipParams {
    int64_t words;
    void *query, *kv;
    const float *max_logit;
    float *eta;
    int64_t type, heads, nope_dim, rope_dim, value_dim, query_rank, latent_dim;
    int64_t query_stride, kv_stride, max_stride, eta_stride;
    double tau, alpha;
};

// What a row is multiplied by: the query's rotated rows by eta, the others by their share of it.
struct ClipRow {
    void *values;
    int64_t first, columns, head;
    double power;
};

// Rows in order: those of the query, head by head, then the key rows of every head.
DEVICE ClipRow clip_row(const QkClipParams &p, int64_t number) {
    int64_t query_rows = p.nope_dim + p.rope_dim;
    if (number < p.heads * query_rows) {
        double power = number % query_rows < p.nope_dim ? p.alpha : 1;
        return {p.query, number * p.query_stride, p.query_rank, number / query_rows, power};
    }
    number -= p.heads * query_rows;
    int64_t head = number / p.nope_dim;
    int64_t row = head * (p.nope_dim + p.value_dim) + number % p.nope_dim;
    return {p.kv, row * p.kv_stride, p.latent_dim, head, 1 - p.alpha};
}

KERNEL(qk_clip, QkClipParams, CLIP_THREADS) {
    SHARED(float, factor, 1);
    ClipRow row = clip_row(p, block_x());
    double largest = p.max_logit[row.head * p.max_stride];
    double eta = largest > p.tau ? p.tau / largest : 1;
    if (p.eta != nullptr && thread_index() == 0 && block_x() == row.head * (p.nope_dim + p.rope_dim)) {
        p.eta[row.head * p.eta_stride] = (float)eta;
    }
    if (eta == 1) {
        return;
    }
    if (thread_index() == 0) {
        factor[0] = (float)pow(eta, row.power);
    }
    sync_block();
    float by = factor[0];
    for (int64_t i = thread_index(); i < row.columns; i += thread_count()) {
        store<ANY>(row.values, row.first + i, p.type, by * load<ANY>(row.values, row.first + i, p.type));
    }
}
