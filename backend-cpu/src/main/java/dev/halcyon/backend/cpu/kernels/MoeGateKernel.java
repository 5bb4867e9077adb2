package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.backend.cpu.CpuContext;
import dev.halcyon.backend.cpu.parallel.WorkerPool;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Numerics;
import dev.halcyon.hal.host.FaultSink;
import dev.halcyon.hal.host.HostWork;
import dev.halcyon.hal.kernel.moe.MoeGate;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import org.jspecify.annotations.Nullable;

import java.util.List;
import java.util.Objects;

/// Routers in two phases: logits by tiles of tokens and experts, so that even one token keeps every
/// thread busy, then the choice token by token.
///
/// Logits are F32; scores and the ranking are computed from them in F64, which costs little and
/// keeps a small score beside a large bias.
final class MoeGateKernel implements Kernel<MoeGate, MoeGate.Args, HostWork> {
    private static final String SCORED = "moe-gate.scored";
    private static final String HASHED = "moe-gate.hashed";

    private final CpuContext context;

    MoeGateKernel(CpuContext context) {
        this.context = context;
    }

    @Override
    public Class<MoeGate> specType() {
        return MoeGate.class;
    }

    @Override
    public List<String> implementations() {
        return List.of(SCORED, HASHED);
    }

    @Override
    public Decision<MoeGate.Args, HostWork> decide(MoeGate spec, Limits limits) {
        if (RowTypes.lacksAny(spec.x(), spec.weight())) {
            return RowTypes.refuse(spec, spec.x(), spec.weight());
        }
        return Decision.planned(
                context.implementation(spec.isHashed() ? HASHED : SCORED),
                Numerics.F32_INVARIANT,
                (long) Float.BYTES * spec.maxTokens() * spec.experts(),
                (args, workspace) -> new Work(context, spec, args, workspace));
    }

    private static final class Work implements HostWork, WorkerPool.Task {
        /// Tokens whose choice is one task.
        private static final int TASK_TOKENS = 16;

        private final WorkerPool pool;
        private final MoeGate spec;
        private final Rows logits;
        private final RouterLogits router;
        private final ExpertChoice[] choices;
        private final long tokens;
        private final @Nullable Rows activeRows;
        private final @Nullable Rows bias;
        private final @Nullable Rows tokenIds;
        private final @Nullable Rows expertTable;
        private final Rows indices;
        private final Rows weights;
        private final @Nullable Rows scores;
        private long live;
        private @Nullable FaultSink faults;

        Work(CpuContext context, MoeGate spec, MoeGate.Args args, Tensor workspace) {
            this.pool = context.pool();
            this.spec = spec;
            tokens = args.x().dim(0);
            logits =
                    new Rows(
                            DType.F32,
                            workspace.buffer().segment(),
                            workspace.byteOffset(),
                            (long) Float.BYTES * spec.experts(),
                            tokens);
            router =
                    new RouterLogits(
                            context,
                            Rows.of(args.x()),
                            Rows.of(args.weight()),
                            spec.hidden(),
                            logits);
            choices = new ExpertChoice[pool.threads()];
            for (int worker = 0; worker < choices.length; worker++) {
                choices[worker] = new ExpertChoice(spec);
            }
            activeRows = Rows.flatOrNull(args.activeRows());
            bias = Rows.flatOrNull(args.bias());
            tokenIds = Rows.flatOrNull(args.tokenIds());
            expertTable = Rows.ofOrNull(args.expertTable());
            indices = Rows.of(args.indices());
            weights = Rows.of(args.weights());
            scores = Rows.ofOrNull(args.scores());
        }

        @Override
        public void run(FaultSink sink) {
            faults = sink;
            live = Rows.live(tokens, activeRows);
            router.compute(live);
            pool.run((int) Math.ceilDiv(tokens, TASK_TOKENS), this);
        }

        @Override
        public void run(int task, int worker) {
            long first = (long) task * TASK_TOKENS;
            long end = Math.min(tokens, first + TASK_TOKENS);
            for (long token = first; token < end; token++) {
                if (token < live) {
                    route(token, choices[worker]);
                } else {
                    routeNowhere(token);
                }
            }
        }

        private void route(long token, ExpertChoice choice) {
            choice.score(logits, token);
            if (scores != null) {
                double[] all = choice.scores();
                for (int e = 0; e < all.length; e++) {
                    scores.setFloat(token, e, (float) all[e]);
                }
            }
            if (!spec.isHashed()) {
                choice.select(bias);
            } else if (!lookUp(token, choice.chosen())) {
                routeNowhere(token);
                return;
            }
            choice.weigh();
            for (int k = 0; k < spec.topK(); k++) {
                indices.setInt(token, k, choice.chosen()[k]);
                weights.setFloat(token, k, (float) choice.weights()[k]);
            }
        }

        private boolean lookUp(long token, int[] chosen) {
            Rows table = Objects.requireNonNull(expertTable);
            int id = Objects.requireNonNull(tokenIds).intAt(0, token);
            if (id < 0 || id >= spec.hashVocab()) {
                fault("tokenIds", token, id, spec.hashVocab());
                return false;
            }
            for (int k = 0; k < chosen.length; k++) {
                long expert = table.dtype() == DType.I64 ? table.longAt(id, k) : table.intAt(id, k);
                if (expert < 0 || expert >= spec.experts()) {
                    fault("expertTable", (long) id * chosen.length + k, expert, spec.experts());
                    return false;
                }
                chosen[k] = (int) expert;
            }
            return true;
        }

        private void routeNowhere(long token) {
            for (int k = 0; k < spec.topK(); k++) {
                indices.setInt(token, k, -1);
                weights.setFloat(token, k, 0);
            }
        }

        private void fault(String operand, long position, long index, long bound) {
            FaultSink sink = faults;
            if (sink != null) {
                sink.report(operand, position, index, bound);
            }
        }
    }
}
