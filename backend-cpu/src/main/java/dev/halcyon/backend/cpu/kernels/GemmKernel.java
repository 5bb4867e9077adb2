package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.backend.cpu.CpuContext;
import dev.halcyon.backend.cpu.product.BoundProduct;
import dev.halcyon.backend.cpu.product.Elements;
import dev.halcyon.backend.cpu.product.Matrices;
import dev.halcyon.backend.cpu.product.PlannedProduct;
import dev.halcyon.backend.cpu.product.ProductShape;
import dev.halcyon.backend.cpu.product.Weights;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Numerics;
import dev.halcyon.hal.Support;
import dev.halcyon.hal.host.FaultSink;
import dev.halcyon.hal.host.HostWork;
import dev.halcyon.hal.kernel.linear.Gemm;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.util.List;

/// [Gemm] on the product engine: every matrix of a batch is one group.
final class GemmKernel implements Kernel<Gemm, Gemm.Args, HostWork> {
    private final CpuContext context;

    GemmKernel(CpuContext context) {
        this.context = context;
    }

    @Override
    public Class<Gemm> specType() {
        return Gemm.class;
    }

    @Override
    public List<String> implementations() {
        return PlannedProduct.labels(context).stream().map(label -> "gemm." + label).toList();
    }

    @Override
    public Decision<Gemm.Args, HostWork> decide(Gemm spec, Limits limits) {
        Decision<Gemm.Args, HostWork> refusal =
                ProductSupport.refusal(
                        context.matrix(),
                        spec.a(),
                        spec.b(),
                        spec.transposeB(),
                        spec.out(),
                        spec.accumulate());
        if (refusal != null) {
            return refusal;
        }
        if ((long) spec.maxBatch() * spec.maxM() > Integer.MAX_VALUE) {
            return Decision.refused(
                    Support.Reason.SHAPE,
                    "the batch has up to "
                            + (long) spec.maxBatch() * spec.maxM()
                            + " rows together",
                    "at most " + Integer.MAX_VALUE + " rows");
        }
        ProductShape shape =
                ProductShape.of(spec.maxM(), spec.n(), spec.k(), spec.a(), spec.b(), spec.out())
                        .inGroups(spec.maxBatch())
                        .withTransposed(spec.transposeA(), spec.transposeB())
                        .withFactors((float) spec.alpha(), (float) spec.beta())
                        .withInvariant(spec.batchInvariant());
        PlannedProduct plan = PlannedProduct.of(shape, context, limits.workspaceBytes());
        return Decision.planned(
                context.implementation("gemm." + plan.label()),
                new Numerics(DType.F32, plan.invariant(), true),
                plan.workspaceBytes(),
                (args, workspace) -> bind(spec, plan, args, workspace));
    }

    private HostWork bind(Gemm spec, PlannedProduct plan, Gemm.Args args, Tensor workspace) {
        int batch = args.a().rank() == 3 ? (int) args.a().dim(0) : 1;
        int rows = (int) args.a().dim(spec.transposeA() ? -1 : -2);
        if (batch == 0 || rows == 0) {
            return _ -> {};
        }
        Matrices out = Matrices.of(args.out(), batch);
        BoundProduct product =
                plan.bind(
                        Matrices.of(args.a(), batch),
                        Weights.of(args.b(), batch, context.matrix().panelColumns()),
                        out,
                        out,
                        workspace.segment());
        return new Work(
                product,
                batch,
                rows,
                spec.k(),
                args.activeRows() == null ? null : args.activeRows().segment());
    }

    private record Work(
            BoundProduct product,
            int batch,
            int rows,
            int depth,
            @Nullable MemorySegment activeRows)
            implements HostWork {
        @Override
        public void run(FaultSink faults) {
            int active =
                    activeRows == null
                            ? rows
                            : Math.clamp(activeRows.get(Elements.INT, 0), 0, rows);
            for (int g = 0; g < batch; g++) {
                product.size(g, active, depth);
            }
            product.run();
        }
    }
}
