package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.backend.cpu.CpuContext;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Numerics;
import dev.halcyon.hal.host.HostWork;
import dev.halcyon.hal.kernel.optimizer.Matrices;
import dev.halcyon.hal.kernel.optimizer.MuonStep;
import dev.halcyon.hal.kernel.optimizer.NewtonSchulz;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.util.List;

/// A Muon step whose momentum is the iteration's loading pass and whose update is its storing pass:
/// gradient, momentum and parameters are read once, and neither the direction nor the orthogonal
/// matrix is ever stored outside the iteration.
final class MuonStepKernel implements Kernel<MuonStep, MuonStep.Args, HostWork> {
    private static final String NAME = "muon-step.";

    private final CpuContext context;

    MuonStepKernel(CpuContext context) {
        this.context = context;
    }

    @Override
    public Class<MuonStep> specType() {
        return MuonStep.class;
    }

    @Override
    public List<String> implementations() {
        return NewtonSchulzTurns.labels(context).stream().map(label -> NAME + label).toList();
    }

    @Override
    public Decision<MuonStep.Args, HostWork> decide(MuonStep spec, Limits limits) {
        NewtonSchulz iteration = spec.newtonSchulz();
        DType[] types = {
            spec.parameter(),
            spec.gradient(),
            spec.buffer(),
            iteration.in(),
            iteration.compute(),
            iteration.out()
        };
        if (RowTypes.lacksAny(types)) {
            return RowTypes.refuse(spec, types);
        }
        NewtonSchulzTurns turns = NewtonSchulzTurns.of(iteration, context, limits);
        return Decision.planned(
                context.implementation(NAME + turns.label()),
                Numerics.F32_INVARIANT,
                turns.workspaceBytes(),
                (args, workspace) -> bind(spec, turns, args, workspace));
    }

    private HostWork bind(
            MuonStep spec, NewtonSchulzTurns turns, MuonStep.Args args, Tensor workspace) {
        MuonRates rates = new MuonRates(Rows.flat(args.hyper()), spec.updateScale());
        MatrixEnds[] matrices = new MatrixEnds[spec.newtonSchulz().matrices()];
        for (int i = 0; i < matrices.length; i++) {
            matrices[i] =
                    new MuonEnds(
                            context.rows(),
                            spec,
                            Rows.of(Matrices.get(args.parameter(), i)),
                            Rows.of(Matrices.get(args.gradient(), i)),
                            Rows.of(Matrices.get(args.momentum(), i)),
                            rates);
        }
        HostWork work = turns.bind(workspace, matrices);
        return faults -> {
            rates.read();
            work.run(faults);
        };
    }
}
