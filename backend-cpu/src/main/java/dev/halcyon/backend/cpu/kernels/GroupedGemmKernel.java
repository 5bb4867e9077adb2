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
import dev.halcyon.hal.kernel.linear.GroupedGemm;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.util.List;

/// [GroupedGemm] on the product engine. Segments are read and checked when it runs; a bad one is
/// reported and counts as empty.
///
/// The weight gradient ([GroupedGemm.Kind#K_GROUPED]) is the product of two matrices that are both
/// stored with a row for each step of the sum.
final class GroupedGemmKernel implements Kernel<GroupedGemm, GroupedGemm.Args, HostWork> {
    private final CpuContext context;

    GroupedGemmKernel(CpuContext context) {
        this.context = context;
    }

    @Override
    public Class<GroupedGemm> specType() {
        return GroupedGemm.class;
    }

    @Override
    public List<String> implementations() {
        return PlannedProduct.labels(context).stream()
                .map(label -> "groupedgemm." + label)
                .toList();
    }

    @Override
    public Decision<GroupedGemm.Args, HostWork> decide(GroupedGemm spec, Limits limits) {
        boolean overRows = spec.kind() == GroupedGemm.Kind.K_GROUPED;
        Decision<GroupedGemm.Args, HostWork> refusal =
                ProductSupport.refusal(
                        context.matrix(),
                        spec.a(),
                        spec.b(),
                        !overRows,
                        spec.out(),
                        spec.accumulate());
        if (refusal != null) {
            return refusal;
        }
        long rows =
                switch (spec.kind()) {
                    case CONTIGUOUS -> spec.maxRows();
                    case MASKED -> (long) spec.groups() * spec.maxRows();
                    case K_GROUPED -> (long) spec.groups() * spec.n();
                };
        if (rows > Integer.MAX_VALUE) {
            return Decision.refused(
                    Support.Reason.SHAPE,
                    spec.groups() + " groups have up to " + rows + " rows together",
                    "at most " + Integer.MAX_VALUE + " rows");
        }
        ProductShape shape =
                overRows
                        ? ProductShape.of(
                                        spec.n(),
                                        spec.k(),
                                        spec.maxRows(),
                                        spec.a(),
                                        spec.b(),
                                        spec.out())
                                .withTransposed(true, false)
                        : ProductShape.of(
                                spec.maxRows(), spec.n(), spec.k(), spec.a(), spec.b(), spec.out());
        PlannedProduct plan =
                PlannedProduct.of(
                        shape.inGroups(spec.groups(), (int) rows)
                                .withFactors(1, spec.add() ? 1 : 0)
                                .withInvariant(spec.batchInvariant()),
                        context,
                        limits.workspaceBytes());
        return Decision.planned(
                context.implementation("groupedgemm." + plan.label()),
                new Numerics(DType.F32, plan.invariant(), true),
                plan.workspaceBytes(),
                (args, workspace) -> new Work(context, spec, plan, args, workspace));
    }

    private static final class Work implements HostWork {
        private final GroupedGemm spec;
        private final int rows;
        private final @Nullable MemorySegment starts;
        private final MemorySegment counts;
        private final Matrices left;
        private final @Nullable Matrices movedRight;
        private final Matrices out;
        private final BoundProduct product;

        Work(
                CpuContext context,
                GroupedGemm spec,
                PlannedProduct plan,
                GroupedGemm.Args args,
                Tensor workspace) {
            this.spec = spec;
            int groups = spec.groups();
            boolean masked = spec.kind() == GroupedGemm.Kind.MASKED;
            this.rows = (int) args.a().dim(masked ? 1 : 0);
            this.starts = args.segmentStart() == null ? null : args.segmentStart().segment();
            this.counts = args.segmentCount().segment();
            this.left = masked ? Matrices.of(args.a(), groups) : Matrices.sharing(args.a(), groups);
            boolean overRows = spec.kind() == GroupedGemm.Kind.K_GROUPED;
            this.movedRight = overRows ? Matrices.sharing((Tensor) args.b(), groups) : null;
            Weights right =
                    movedRight == null
                            ? Weights.of(args.b(), groups, context.matrix().panelColumns())
                            : Weights.of(movedRight);
            this.out =
                    spec.kind() == GroupedGemm.Kind.CONTIGUOUS
                            ? Matrices.sharing(args.out(), groups)
                            : Matrices.of(args.out(), groups);
            this.product = plan.bind(left, right, out, out, workspace.segment());
        }

        @Override
        public void run(FaultSink faults) {
            long taken = 0;
            for (int g = 0; g < spec.groups(); g++) {
                int start = starts == null ? 0 : starts.get(Elements.INT, g * 4L);
                int count = counts.get(Elements.INT, g * 4L);
                // Together, segments that do not overlap have no more rows than there are.
                long most =
                        spec.kind() == GroupedGemm.Kind.MASKED
                                ? rows
                                : Math.min(rows - start, rows - taken);
                if (start < 0 || start > rows) {
                    faults.report("segmentStart", g, start, rows + 1L);
                    count = 0;
                    start = 0;
                } else if (count < 0 || count > most) {
                    faults.report("segmentCount", g, count, most + 1);
                    count = 0;
                }
                taken += count;
                place(g, start, count);
            }
            product.run();
        }

        private void place(int group, int start, int count) {
            switch (spec.kind()) {
                case CONTIGUOUS -> {
                    left.moveTo(group, start);
                    out.moveTo(group, start);
                    product.size(group, count, spec.k());
                }
                case MASKED -> product.size(group, count, spec.k());
                case K_GROUPED -> {
                    left.moveTo(group, start);
                    if (movedRight != null) {
                        movedRight.moveTo(group, start);
                    }
                    product.size(group, count == 0 && spec.add() ? 0 : spec.n(), count);
                }
            }
        }
    }
}
