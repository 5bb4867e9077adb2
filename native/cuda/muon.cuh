// The step along an orthogonal direction.
#pragma once

#include "formats.cuh"

DEVICE float muon_value(float weight, float direction, const float *hyper, int64_t hyper_stride, double scale) {
    float rate = hyper[0], decay = hyper[hyper_stride];
    return weight * (1 - rate * decay) - rate * (float)scale * direction;
}
