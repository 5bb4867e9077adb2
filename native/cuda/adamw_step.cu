// AdamWStep: one step on one tensor, in place, in F32; the powers of the betas in F64.
#include "faults.cuh"
#include "formats.cuh"

struct AdamWStepParams {
    int64_t words;
    void *parameter;
    const void *gradient;
    void *first, *second;
    const float *hyper;
    const int32_t *step;
    Faults *faults;
    int64_t parameter_type, gradient_type, moment_type, elements, is_torch, hyper_stride, is_first_tensor;
    double beta1, beta2, epsilon;
};

KERNEL(adamw_step, AdamWStepParams, 256) {
    SHARED(float, corrections, 2);
    int64_t step = *p.step;
    if (step < 1) {
        if (block_x() == 0 && thread_index() == 0 && p.is_first_tensor) {
            report_fault(p.faults, STEP, 0, step, INT32_MAX);
        }
        return;
    }
    if (thread_index() == 0) {
        corrections[0] = (float)(1 - pow(p.beta1, (double)step));
        corrections[1] = (float)(1 - pow(p.beta2, (double)step));
    }
    sync_block();
    float rate = p.hyper[0], decay = p.hyper[p.hyper_stride], epsilon = (float)p.epsilon;
    for (int64_t i = grid_thread(); i < p.elements; i += grid_threads()) {
        float g = load<ANY>(p.gradient, i, p.gradient_type);
        float m = (float)p.beta1 * load<ANY>(p.first, i, p.moment_type) + (float)(1 - p.beta1) * g;
        float v = (float)p.beta2 * load<ANY>(p.second, i, p.moment_type) + (float)(1 - p.beta2) * (g * g);
        store<ANY>(p.first, i, p.moment_type, m);
        store<ANY>(p.second, i, p.moment_type, v);
        float update = p.is_torch ? m / corrections[0] / (sqrtf(v / corrections[1]) + epsilon)
                                  : m / (sqrtf(v) + epsilon) * (sqrtf(corrections[1]) / corrections[0]);
        float w = load<ANY>(p.parameter, i, p.parameter_type);
        store<ANY>(p.parameter, i, p.parameter_type, w * (1 - rate * decay) - rate * update);
    }
}
