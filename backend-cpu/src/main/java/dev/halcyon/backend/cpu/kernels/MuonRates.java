package dev.halcyon.backend.cpu.kernels;

/// The factors of an update along a direction, `W = decay W + step O`, as `hyper` has them at the
/// moment of a run.
final class MuonRates {
    private final Rows hyper;
    private final double scale;
    private float decay;
    private float step;

    /// Makes factors that are not read yet.
    ///
    /// @param hyper learning rate, weight decay
    /// @param scale multiplies the direction
    MuonRates(Rows hyper, double scale) {
        this.hyper = hyper;
        this.scale = scale;
    }

    /// Reads them.
    void read() {
        double learningRate = hyper.floatAt(0, 0);
        decay = (float) (1 - learningRate * hyper.floatAt(0, 1));
        step = (float) (-learningRate * scale);
    }

    /// {@return the factor of the parameters}
    float decay() {
        return decay;
    }

    /// {@return the factor of the direction}
    float step() {
        return step;
    }
}
