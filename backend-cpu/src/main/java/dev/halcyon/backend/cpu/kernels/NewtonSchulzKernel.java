package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.backend.cpu.CpuContext;
import dev.halcyon.backend.cpu.parallel.WorkerPool;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Numerics;
import dev.halcyon.hal.host.FaultSink;
import dev.halcyon.hal.host.HostWork;
import dev.halcyon.hal.kernel.optimizer.Matrices;
import dev.halcyon.hal.kernel.optimizer.NewtonSchulz;
import dev.halcyon.hal.memory.Operand;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.util.List;

/// Newton-Schulz iterations on the product engine.
///
/// Matrices take turns, all threads working on one; where there are many small ones, every thread
/// takes its share of them instead and works alone. A matrix gets the same bits either way, because
/// the order of its sums depends on its own shape only.
final class NewtonSchulzKernel implements Kernel<NewtonSchulz, NewtonSchulz.Args, HostWork> {
    private static final String PLAIN = "newton-schulz.plain";
    private static final String GRAM = "newton-schulz.gram";
    private static final String BATCH = ".batch";

    /// Elements up to which one thread is done with a matrix before several have agreed on their
    /// shares of its products.
    private static final long SMALL = 1 << 14;

    /// Elements up to which a matrix is worked on by one thread if every thread gets two of them.
    private static final long MEDIUM = 1 << 17;

    private final CpuContext context;
    private final CpuContext alone;

    NewtonSchulzKernel(CpuContext context) {
        this.context = context;
        this.alone = context.withPool(new WorkerPool(1));
    }

    @Override
    public Class<NewtonSchulz> specType() {
        return NewtonSchulz.class;
    }

    @Override
    public List<String> implementations() {
        return List.of(PLAIN, GRAM, PLAIN + BATCH, GRAM + BATCH);
    }

    @Override
    public Decision<NewtonSchulz.Args, HostWork> decide(NewtonSchulz spec, Limits limits) {
        if (RowTypes.lacksAny(spec.in(), spec.compute(), spec.out())) {
            return RowTypes.refuse(spec, spec.in(), spec.compute(), spec.out());
        }
        String name = spec.usesGram() ? GRAM : PLAIN;
        int threads = context.pool().threads();
        if (oneThreadEach(spec)) {
            NewtonSchulzPlan plan =
                    NewtonSchulzPlan.of(spec, alone, limits.workspaceBytes() / threads);
            long bytes = plan.workspaceBytes() * threads;
            if (bytes <= limits.workspaceBytes()) {
                return Decision.planned(
                        context.implementation(name + BATCH),
                        Numerics.F32_INVARIANT,
                        bytes,
                        (args, workspace) ->
                                new SideBySide(context.pool(), spec, plan, args, workspace));
            }
        }
        NewtonSchulzPlan plan = NewtonSchulzPlan.of(spec, context, limits.workspaceBytes());
        return Decision.planned(
                context.implementation(name),
                Numerics.F32_INVARIANT,
                plan.workspaceBytes(),
                (args, workspace) -> new InTurn(spec, plan, args, workspace));
    }

    private boolean oneThreadEach(NewtonSchulz spec) {
        long elements = (long) spec.rows() * spec.columns();
        boolean plenty = spec.matrices() >= 2 * context.pool().threads();
        return spec.matrices() > 1 && elements <= (plenty ? MEDIUM : SMALL);
    }

    private static Rows[] matrices(Operand operand, NewtonSchulz spec) {
        Rows[] matrices = new Rows[spec.matrices()];
        for (int i = 0; i < matrices.length; i++) {
            matrices[i] = Rows.of(Matrices.get(operand, i));
        }
        return matrices;
    }

    private static final class InTurn implements HostWork {
        private final NewtonSchulzRun run;
        private final Rows[] x;
        private final Rows[] out;

        InTurn(NewtonSchulz spec, NewtonSchulzPlan plan, NewtonSchulz.Args args, Tensor workspace) {
            this.run = plan.bind(workspace, 0);
            this.x = matrices(args.x(), spec);
            this.out = matrices(args.out(), spec);
        }

        @Override
        public void run(FaultSink faults) {
            for (int i = 0; i < x.length; i++) {
                run.orthogonalise(x[i], out[i]);
            }
        }
    }

    private static final class SideBySide implements HostWork, WorkerPool.Task {
        private final WorkerPool pool;
        private final NewtonSchulzRun[] runs;
        private final Rows[] x;
        private final Rows[] out;

        SideBySide(
                WorkerPool pool,
                NewtonSchulz spec,
                NewtonSchulzPlan plan,
                NewtonSchulz.Args args,
                Tensor workspace) {
            this.pool = pool;
            this.runs = new NewtonSchulzRun[pool.threads()];
            for (int worker = 0; worker < runs.length; worker++) {
                runs[worker] = plan.bind(workspace, worker * plan.workspaceBytes());
            }
            this.x = matrices(args.x(), spec);
            this.out = matrices(args.out(), spec);
        }

        @Override
        public void run(FaultSink faults) {
            pool.run(x.length, this);
        }

        @Override
        public void run(int matrix, int worker) {
            runs[worker].orthogonalise(x[matrix], out[matrix]);
        }
    }
}
