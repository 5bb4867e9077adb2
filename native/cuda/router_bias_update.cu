// RouterBiasUpdate: a step towards an even load, by the exact sign of sum - experts * load. One block: there are few experts.
#include "reduce.cuh"

enum { BIAS_THREADS = 256 };

struct RouterBiasUpdateParams {
    int64_t words;
    float *bias;
    const int32_t *load;
    int64_t experts, bias_stride, load_stride;
    double rate;
};

KERNEL(router_bias_update, RouterBiasUpdateParams, BIAS_THREADS) {
    int64_t sum = 0;
    for (int64_t e = thread_index(); e < p.experts; e += thread_count()) {
        sum += p.load[e * p.load_stride];
    }
    sum = over_block<Sum>(sum);
    for (int64_t e = thread_index(); e < p.experts; e += thread_count()) {
        int64_t own = p.experts * p.load[e * p.load_stride];
        if (own != sum) {
            p.bias[e * p.bias_stride] += own < sum ? (float)p.rate : -(float)p.rate;
        }
    }
}
