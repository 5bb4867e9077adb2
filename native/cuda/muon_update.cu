// MuonUpdate: W = W (1 - rate decay) - rate scale O, element by element, for all matrices of a stack or a list at once.
#include "muon.cuh"
#include "slices.cuh"

struct MuonUpdateParams {
    int64_t words;
    Slices parameter, direction;
    const float *hyper;
    int64_t parameter_type, direction_type, matrices, elements, hyper_stride;
    double scale;
};

KERNEL(muon_update, MuonUpdateParams, 256) {
    for (int64_t i = grid_thread(); i < p.matrices * p.elements; i += grid_threads()) {
        void *weights = slice(p.parameter, i / p.elements);
        int64_t at = i % p.elements;
        float direction = load<ANY>(slice(p.direction, i / p.elements), at, p.direction_type);
        float weight = load<ANY>(weights, at, p.parameter_type);
        store<ANY>(weights, at, p.parameter_type, muon_value(weight, direction, p.hyper, p.hyper_stride, p.scale));
    }
}
