// Sample: the likeliest token of a row, or one drawn with temperature, top-k and top-p; a block a row.
//
// Nothing is sorted. A key says where a candidate stands in the order of all; top-k and top-p each look for the smallest key
// that stays, eight bits at a time from the top, by what falls on each of 256 digits. Probabilities are integers, multiples
// of a power of two, relative to that of the likeliest candidate: sums of them are exact, so it does not matter who adds
// first, and a row's token depends on nothing but the row.
#include "chunks.cuh"
#include "faults.cuh"
#include "ranking.cuh"
#include "reduce.cuh"

enum { SAMPLE_THREADS = 512, SAMPLE_WARPS = SAMPLE_THREADS / WARP, DIGITS = 256, DIGITS_A_LANE = DIGITS / WARP };

struct SampleParams {
    int64_t words;
    const void *logits;
    const float *temperature, *top_p;
    const int32_t *top_k;
    const int64_t *seed;
    const int32_t *position;
    int32_t *ids;
    const int32_t *active_rows;
    Faults *faults;
    int64_t type, rows, vocab;
    int64_t logits_stride, temperature_stride, top_p_stride, top_k_stride, seed_stride, position_stride, ids_stride;
    double weight_scale;        // a power of two; vocab times this fits into 63 bits
};

DEVICE uint64_t split_mix(uint64_t z) {
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ z >> 27) * 0x94D049BB133111EBull;
    return z ^ z >> 31;
}

// A multiple of 2^-53 from 0 to below 1.
DEVICE double uniform_number(int64_t seed, int32_t position) {
    uint64_t gamma = 0x9E3779B97F4A7C15ull;
    uint64_t bits = split_mix(split_mix((uint64_t)seed + gamma) + ((uint64_t)(int64_t)position + 1) * gamma);
    return (double)(bits >> 11) * (1.0 / 9007199254740992.0);
}

// A row whose candidates with a smaller key than the bound are out.
struct Candidates {
    ChunkedRow logits;
    float largest, heat, scale;
    uint64_t bound;
};

DEVICE uint64_t weight_of(const Candidates &c, float logit) {
    float weight = expf((logit - c.largest) / c.heat) * c.scale;
    return weight >= 1 ? (uint64_t)weight : 0;
}

DEVICE uint64_t kept_weight(const Candidates &c, int64_t id) {
    float logit = load<ANY>(c.logits.values, id, c.logits.type);
    return rank_key(logit, id) >= c.bound ? weight_of(c, logit) : 0;
}

// A shared place of the running search.
struct Digit {
    uint64_t digit, passed;
};

// Which digit, from the largest down, brings what came before to the target, and what lies before it. By one warp: a lane
// has eight digits and the sum of what the lanes before it have.
DEVICE void find_digit(const uint64_t *sums, uint64_t passed, uint64_t target, Digit *found) {
    int lane = thread_index();
    uint64_t own = 0;
    for (int i = 0; i < DIGITS_A_LANE; i++) {
        own += sums[DIGITS - 1 - (lane * DIGITS_A_LANE + i)];
    }
    uint64_t reached = passed + before_in_warp(own);
    if (reached < target && reached + own >= target) {
        int i = 0;
        for (; reached + sums[DIGITS - 1 - (lane * DIGITS_A_LANE + i)] < target; i++) {
            reached += sums[DIGITS - 1 - (lane * DIGITS_A_LANE + i)];
        }
        *found = {(uint64_t)(DIGITS - 1 - (lane * DIGITS_A_LANE + i)), reached};
    }
}

// The key of the last candidate of the shortest beginning of the order that reaches a target, which must be at least 1 and
// at most what all candidates have together. A candidate counts its weight, or 1.
template <bool Weighs>
DEVICE uint64_t last_key(const Candidates &c, uint64_t target) {
    SHARED(uint64_t, sums, DIGITS);
    SHARED(Digit, found, 1);
    uint64_t prefix = 0, mask = 0, passed = 0;
    for (int shift = 56; shift >= 0; shift -= 8) {
        uint64_t all = 0xffull << shift;
        // The lower half of a key is an index counted from the top, so its upper digits are mostly the same for all.
        if (shift < 32 && (uint64_t)(c.logits.dim - 1) >> shift == 0) {
            prefix |= all;
            mask |= all;
            continue;
        }
        sync_block();
        for (int i = thread_index(); i < DIGITS; i += thread_count()) {
            sums[i] = 0;
        }
        sync_block();
        for (int64_t first = (int64_t)thread_index() * CHUNK; first < c.logits.dim;
             first += (int64_t)thread_count() * CHUNK) {
            float eight[CHUNK];
            load_chunk(c.logits, first, eight);
            for (int i = 0; i < CHUNK && first + i < c.logits.dim; i++) {
                uint64_t key = rank_key(eight[i], first + i);
                uint64_t amount = key < c.bound || (key & mask) != prefix ? 0 : Weighs ? weight_of(c, eight[i]) : 1;
                if (amount != 0) {
                    atomic_add(sums + (key >> shift & 0xff), amount);
                }
            }
        }
        sync_block();
        if (thread_index() < WARP) {
            find_digit(sums, passed, target, found);
        }
        sync_block();
        prefix |= found->digit << shift;
        mask |= all;
        passed = found->passed;
    }
    return prefix;
}

DEVICE uint64_t total_weight(const Candidates &c) {
    uint64_t sum = 0;
    for (int64_t id = thread_index(); id < c.logits.dim; id += thread_count()) {
        sum += kept_weight(c, id);
    }
    return over_block<Sum>(sum);
}

DEVICE void keep_mass(Candidates *c, float mass) {
    if (!(mass < 1)) {
        return;
    }
    uint64_t total = total_weight(*c);
    // Rounded up, because the sum of what stays has to reach it; at least one candidate stays.
    double wanted = mass > 0 ? ceil((double)mass * (double)total) : 1;
    uint64_t target = wanted < 1 ? 1 : wanted < (double)total ? (uint64_t)wanted : total;
    c->bound = last_key<true>(*c, target);
}

// The first id at which the sum of weights by id exceeds uniform times the total. A range of ids is cut into a piece a warp,
// the piece that the sum passes in is the next range.
DEVICE int64_t draw(const Candidates &c, double uniform) {
    SHARED(uint64_t, pieces, SAMPLE_WARPS);
    int warp = thread_index() / WARP, lane = thread_index() % WARP;
    int64_t begin = 0, end = c.logits.dim;
    uint64_t passed = 0, goal = 0;
    bool has_goal = false;
    do {
        int64_t length = (end - begin + SAMPLE_WARPS - 1) / SAMPLE_WARPS;
        int64_t first = begin + warp * length, last = first + length < end ? first + length : end;
        uint64_t sum = 0;
        for (int64_t id = first + lane; id < last; id += WARP) {
            sum += kept_weight(c, id);
        }
        sum = over_warp<Sum>(sum);
        sync_block();
        if (lane == 0) {
            pieces[warp] = sum;
        }
        sync_block();
        if (!has_goal) {
            uint64_t total = 0;
            for (int i = 0; i < SAMPLE_WARPS; i++) {
                total += pieces[i];
            }
            goal = (uint64_t)(uniform * (double)total);
            goal = goal < total ? goal : total - 1;
            has_goal = true;
        }
        int piece = 0;
        for (; piece < SAMPLE_WARPS - 1 && passed + pieces[piece] <= goal; piece++) {
            passed += pieces[piece];
        }
        begin += piece * length;
        end = begin + length < end ? begin + length : end;
    } while (end - begin > 1);
    return begin;
}

DEVICE int64_t choose(const SampleParams &p, int64_t row, bool random) {
    Candidates c = {chunked_row(p.logits, row * p.logits_stride, p.type, p.vocab), 0, 1, (float)p.weight_scale, 0};
    uint64_t best = 0;
    for (int64_t first = (int64_t)thread_index() * CHUNK; first < p.vocab; first += (int64_t)thread_count() * CHUNK) {
        float eight[CHUNK];
        load_chunk(c.logits, first, eight);
        for (int i = 0; i < CHUNK && first + i < p.vocab; i++) {
            best = Better::of(best, rank_key(eight[i], first + i));
        }
    }
    best = over_block<Better>(best);
    if (!is_key_of_number(best)) {
        if (thread_index() == 0) {
            report_fault(p.faults, LOGITS, row, p.vocab, p.vocab);
        }
        return 0;
    }
    c.largest = load<ANY>(c.logits.values, index_of_key(best), p.type);
    c.heat = p.temperature == nullptr ? 1.0f : p.temperature[row * p.temperature_stride];
    if (!random || !(c.heat > 0) || fabsf(c.largest) == INFINITY) {
        return index_of_key(best);
    }
    int64_t most = p.top_k == nullptr ? 0 : p.top_k[row * p.top_k_stride];
    if (most > 0 && most < p.vocab) {
        c.bound = last_key<false>(c, (uint64_t)most);
    }
    keep_mass(&c, p.top_p == nullptr ? 1.0f : p.top_p[row * p.top_p_stride]);
    return draw(c, uniform_number(p.seed[row * p.seed_stride], p.position[row * p.position_stride]));
}

DEVICE void sample_row(const SampleParams &p, bool random) {
    int64_t row = block_x();
    if (row >= live_rows(p.rows, p.active_rows)) {
        return;
    }
    int64_t id = choose(p, row, random);
    if (thread_index() == 0) {
        p.ids[row * p.ids_stride] = (int32_t)id;
    }
}

KERNEL(sample_greedy, SampleParams, SAMPLE_THREADS) { sample_row(p, false); }

KERNEL(sample_random, SampleParams, SAMPLE_THREADS) { sample_row(p, true); }
