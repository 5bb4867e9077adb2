package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.backend.cpu.CpuContext;
import dev.halcyon.backend.cpu.parallel.WorkerPool;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.host.FaultSink;
import dev.halcyon.hal.host.HostWork;
import dev.halcyon.hal.kernel.optimizer.NewtonSchulz;
import dev.halcyon.hal.memory.Tensor;

import java.util.List;
import java.util.stream.Stream;

/// How the matrices of a launch share the threads: in turn, all threads working on one; or, where
/// there are many, side by side, every thread working alone on its share of them.
///
/// A matrix gets the same bits either way, because the order of its sums depends on its own shape
/// only.
final class NewtonSchulzTurns {
    private static final String PLAIN = "plain";
    private static final String GRAM = "gram";
    private static final String BATCH = ".batch";

    /// Elements up to which one thread is done with a matrix before several have agreed on their
    /// shares of its products.
    private static final long SMALL = 1 << 14;

    /// Elements up to which a matrix is worked on by one thread if every thread gets two of them.
    private static final long MEDIUM = 1 << 17;

    /// As [#MEDIUM] if every thread gets eight: then the last ones hardly leave a thread idle, and
    /// each has its workspace to itself.
    private static final long LARGE = 1 << 22;

    private final CpuContext context;
    private final NewtonSchulzPlan plan;
    private final boolean sideBySide;
    private final String label;
    private final long workspaceBytes;

    private NewtonSchulzTurns(
            CpuContext context, NewtonSchulz spec, NewtonSchulzPlan plan, boolean sideBySide) {
        this.context = context;
        this.plan = plan;
        this.sideBySide = sideBySide;
        String order = (spec.usesGram() ? GRAM : PLAIN) + (sideBySide ? BATCH : "");
        this.label = plan.isNative() ? context.nativeName(order) : order;
        this.workspaceBytes = plan.workspaceBytes() * (sideBySide ? context.pool().threads() : 1);
    }

    /// {@return the best way within the limits}
    static NewtonSchulzTurns of(NewtonSchulz spec, CpuContext context, Limits limits) {
        int threads = context.pool().threads();
        if (oneThreadEach(spec, threads)) {
            CpuContext alone = context.withPool(new WorkerPool(1));
            NewtonSchulzPlan plan =
                    NewtonSchulzPlan.of(spec, alone, limits.workspaceBytes() / threads);
            NewtonSchulzTurns turns = new NewtonSchulzTurns(context, spec, plan, true);
            if (turns.workspaceBytes <= limits.workspaceBytes()) {
                return turns;
            }
        }
        NewtonSchulzPlan plan = NewtonSchulzPlan.of(spec, context, limits.workspaceBytes());
        return new NewtonSchulzTurns(context, spec, plan, false);
    }

    private static boolean oneThreadEach(NewtonSchulz spec, int threads) {
        long most = SMALL;
        if (spec.matrices() >= 8 * threads) {
            most = LARGE;
        } else if (spec.matrices() >= 2 * threads) {
            most = MEDIUM;
        }
        return spec.matrices() > 1 && (long) spec.rows() * spec.columns() <= most;
    }

    /// {@return what [#label()] can be}
    static List<String> labels(CpuContext context) {
        List<String> inJava = List.of(PLAIN, GRAM, PLAIN + BATCH, GRAM + BATCH);
        if (!context.nativeLevel().isPresent()) {
            return inJava;
        }
        return Stream.concat(inJava.stream(), inJava.stream().map(context::nativeName)).toList();
    }

    /// {@return the last part of an implementation's name}
    String label() {
        return label;
    }

    /// {@return bytes of workspace for all threads}
    long workspaceBytes() {
        return workspaceBytes;
    }

    /// {@return the work on these matrices}
    HostWork bind(Tensor workspace, MatrixEnds[] matrices) {
        if (!sideBySide) {
            NewtonSchulzRun run = plan.bind(workspace, 0);
            return _ -> {
                for (MatrixEnds matrix : matrices) {
                    run.orthogonalise(matrix);
                }
            };
        }
        NewtonSchulzRun[] runs = new NewtonSchulzRun[context.pool().threads()];
        for (int worker = 0; worker < runs.length; worker++) {
            runs[worker] = plan.bind(workspace, worker * plan.workspaceBytes());
        }
        return new SideBySide(context.pool(), runs, matrices);
    }

    private record SideBySide(WorkerPool pool, NewtonSchulzRun[] runs, MatrixEnds[] matrices)
            implements HostWork, WorkerPool.Task {
        @Override
        public void run(FaultSink faults) {
            pool.run(matrices.length, this);
        }

        @Override
        public void run(int matrix, int worker) {
            runs[worker].orthogonalise(matrices[matrix]);
        }
    }
}
