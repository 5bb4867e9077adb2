package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.backend.cpu.CpuContext;
import dev.halcyon.backend.cpu.product.FeedForward;
import dev.halcyon.backend.cpu.product.FeedForwardPlan;
import dev.halcyon.backend.cpu.product.FeedForwardRun;
import dev.halcyon.backend.cpu.product.FeedForwardShape;
import dev.halcyon.backend.cpu.product.Matrices;
import dev.halcyon.backend.cpu.product.Weights;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Numerics;
import dev.halcyon.hal.host.FaultSink;
import dev.halcyon.hal.host.HostWork;
import dev.halcyon.hal.kernel.moe.SwiGluMlp;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.WeightFormat;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import org.jspecify.annotations.Nullable;

import java.util.List;

/// The dense network as one [FeedForward] of one group.
final class SwiGluMlpKernel implements Kernel<SwiGluMlp, SwiGluMlp.Args, HostWork> {
    private final CpuContext context;

    SwiGluMlpKernel(CpuContext context) {
        this.context = context;
    }

    @Override
    public Class<SwiGluMlp> specType() {
        return SwiGluMlp.class;
    }

    @Override
    public List<String> implementations() {
        return FeedForwardPlan.labels(context).stream().map(SwiGluMlpKernel::name).toList();
    }

    private static String name(String label) {
        return "swiglumlp." + label;
    }

    @Override
    public Decision<SwiGluMlp.Args, HostWork> decide(SwiGluMlp spec, Limits limits) {
        if (RowTypes.lacksAny(spec.x(), spec.intermediate(), spec.out())) {
            return RowTypes.refuse(spec, spec.x(), spec.intermediate(), spec.out());
        }
        for (WeightFormat weight : List.of(spec.gateUp(), spec.down())) {
            Decision<SwiGluMlp.Args, HostWork> refusal =
                    ProductSupport.refusal(
                            context.matrix(), spec.x(), weight, true, spec.out(), DType.F32);
            if (refusal != null) {
                return refusal;
            }
        }
        FeedForwardPlan plan =
                FeedForwardPlan.of(
                        new FeedForwardShape(
                                1,
                                spec.maxRows(),
                                spec.maxRows(),
                                spec.hidden(),
                                spec.dim(),
                                spec.x(),
                                spec.intermediate(),
                                spec.gateUp(),
                                spec.down(),
                                (float) spec.limit(),
                                spec.out(),
                                spec.batchInvariant()),
                        context,
                        limits.workspaceBytes());
        return MoeLayerKernel.fitted(
                spec,
                limits,
                plan.workspaceBytes(),
                Decision.planned(
                        context.implementation(name(plan.label())),
                        new Numerics(DType.F32, plan.invariant(), true),
                        plan.workspaceBytes(),
                        (args, workspace) -> new Work(context, plan, args, workspace)));
    }

    private static final class Work implements HostWork {
        private final FeedForward network;
        private final FeedForwardRun run;
        private final long rows;
        private final @Nullable Rows activeRows;

        Work(CpuContext context, FeedForwardPlan plan, SwiGluMlp.Args args, Tensor workspace) {
            int panelRows = context.matrix().panelColumns();
            rows = args.x().dim(0);
            activeRows = Rows.flatOrNull(args.activeRows());
            network =
                    plan.bind(
                            Matrices.sharing(args.x(), 1),
                            null,
                            null,
                            Weights.of(args.gate(), 1, panelRows),
                            Weights.of(args.up(), 1, panelRows),
                            Weights.of(args.down(), 1, panelRows),
                            Matrices.sharing(args.out(), 1),
                            workspace.segment());
            run = new FeedForwardRun(context.pool(), List.of(network));
        }

        @Override
        public void run(FaultSink faults) {
            network.size(0, 0, (int) Rows.live(rows, activeRows));
            network.begin(false);
            run.run();
        }
    }
}
