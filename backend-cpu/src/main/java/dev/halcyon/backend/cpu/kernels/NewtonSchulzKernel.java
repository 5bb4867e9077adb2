package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.backend.cpu.CpuContext;
import dev.halcyon.backend.cpu.loops.RowLoops;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Numerics;
import dev.halcyon.hal.host.HostWork;
import dev.halcyon.hal.kernel.optimizer.Matrices;
import dev.halcyon.hal.kernel.optimizer.NewtonSchulz;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.util.List;

/// Newton-Schulz iterations on the product engine.
final class NewtonSchulzKernel implements Kernel<NewtonSchulz, NewtonSchulz.Args, HostWork> {
    private static final String NAME = "newton-schulz.";

    private final CpuContext context;

    NewtonSchulzKernel(CpuContext context) {
        this.context = context;
    }

    @Override
    public Class<NewtonSchulz> specType() {
        return NewtonSchulz.class;
    }

    @Override
    public List<String> implementations() {
        return NewtonSchulzTurns.labels(context).stream().map(label -> NAME + label).toList();
    }

    @Override
    public Decision<NewtonSchulz.Args, HostWork> decide(NewtonSchulz spec, Limits limits) {
        if (RowTypes.lacksAny(spec.in(), spec.compute(), spec.out())) {
            return RowTypes.refuse(spec, spec.in(), spec.compute(), spec.out());
        }
        NewtonSchulzTurns turns = NewtonSchulzTurns.of(spec, context, limits);
        return Decision.planned(
                context.implementation(NAME + turns.label()),
                Numerics.F32_INVARIANT,
                turns.workspaceBytes(),
                (args, workspace) -> turns.bind(workspace, matrices(spec, args)));
    }

    private MatrixEnds[] matrices(NewtonSchulz spec, NewtonSchulz.Args args) {
        MatrixEnds[] matrices = new MatrixEnds[spec.matrices()];
        for (int i = 0; i < matrices.length; i++) {
            matrices[i] =
                    new FromTo(
                            context.rows(),
                            Rows.of(Matrices.get(args.x(), i)),
                            Rows.of(Matrices.get(args.out(), i)));
        }
        return matrices;
    }

    /// One matrix in memory becomes another one.
    private record FromTo(RowLoops loops, Rows from, Rows to) implements MatrixEnds {
        @Override
        public void fetch(Scratch scratch, long row, long column, int n) {
            from.load(loops, row, column, scratch.a, 0, n);
        }

        @Override
        public void deliver(Scratch scratch, long row, long column, int n) {
            to.store(loops, scratch.a, 0, n, row, column);
        }
    }
}
