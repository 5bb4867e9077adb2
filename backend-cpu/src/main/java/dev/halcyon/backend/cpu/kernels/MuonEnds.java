package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.backend.cpu.loops.RowLoops;
import dev.halcyon.hal.kernel.optimizer.MuonStep;
import dev.halcyon.hal.memory.DType;

/// One matrix of a Muon step: fetching advances the momentum, delivering moves the parameters.
final class MuonEnds implements MatrixEnds {
    private final RowLoops loops;
    private final Rows parameter;
    private final Rows gradient;
    private final Rows momentum;
    private final MuonRates rates;
    private final float gradientFactor;
    private final float beta;
    private final boolean nesterov;
    private final StoredAs in;
    private final StoredAs out;

    /// Resolves one matrix.
    MuonEnds(
            RowLoops loops,
            MuonStep spec,
            Rows parameter,
            Rows gradient,
            Rows momentum,
            MuonRates rates) {
        this.loops = loops;
        this.parameter = parameter;
        this.gradient = gradient;
        this.momentum = momentum;
        this.rates = rates;
        this.gradientFactor = (float) spec.gradientFactor();
        this.beta = (float) spec.beta();
        this.nesterov = spec.nesterov();
        DType compute = spec.newtonSchulz().compute();
        this.in = StoredAs.before(spec.newtonSchulz().in(), compute);
        this.out = StoredAs.after(compute, spec.newtonSchulz().out());
    }

    @Override
    public void fetch(Scratch scratch, long row, long column, int n) {
        gradient.load(loops, row, column, scratch.a, 0, n);
        momentum.load(loops, row, column, scratch.b, 0, n);
        loops.axpby(gradientFactor, scratch.a, 0, beta, scratch.b, 0, scratch.b, 0, n);
        momentum.store(loops, scratch.b, 0, n, row, column);
        if (momentum.dtype() != DType.F32) {
            momentum.load(loops, row, column, scratch.b, 0, n);
        }
        if (nesterov) {
            loops.axpby(gradientFactor, scratch.a, 0, beta, scratch.b, 0, scratch.a, 0, n);
        } else {
            System.arraycopy(scratch.b, 0, scratch.a, 0, n);
        }
        in.round(scratch.a, n);
    }

    @Override
    public void deliver(Scratch scratch, long row, long column, int n) {
        out.round(scratch.a, n);
        parameter.load(loops, row, column, scratch.b, 0, n);
        loops.axpby(rates.decay(), scratch.b, 0, rates.step(), scratch.a, 0, scratch.b, 0, n);
        parameter.store(loops, scratch.b, 0, n, row, column);
    }
}
