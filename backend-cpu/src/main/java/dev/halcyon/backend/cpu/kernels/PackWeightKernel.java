package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.backend.cpu.CpuContext;
import dev.halcyon.backend.cpu.parallel.WorkerPool;
import dev.halcyon.backend.cpu.product.PanelCopy;
import dev.halcyon.backend.cpu.product.PanelLayout;
import dev.halcyon.backend.cpu.product.Weights;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Numerics;
import dev.halcyon.hal.Support;
import dev.halcyon.hal.host.FaultSink;
import dev.halcyon.hal.host.HostWork;
import dev.halcyon.hal.kernel.linear.PackWeight;
import dev.halcyon.hal.memory.Shape;
import dev.halcyon.hal.memory.WeightFormat;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.lang.foreign.MemorySegment;
import java.util.List;

/// [PackWeight]: rows to panels, panels to rows, or rows from many addresses to one and back.
final class PackWeightKernel implements Kernel<PackWeight, PackWeight.Args, HostWork> {
    private final CpuContext context;

    PackWeightKernel(CpuContext context) {
        this.context = context;
    }

    @Override
    public Class<PackWeight> specType() {
        return PackWeight.class;
    }

    @Override
    public List<String> implementations() {
        return List.of("pack.panel", "pack.rows", "pack.copy");
    }

    @Override
    public Decision<PackWeight.Args, HostWork> decide(PackWeight spec, Limits limits) {
        String name =
                spec.from().isRowMajor()
                        ? spec.to().isRowMajor() ? "pack.copy" : "pack.panel"
                        : "pack.rows";
        WeightFormat packed = spec.from().isRowMajor() ? spec.to() : spec.from();
        String panel = PanelLayout.name(context.matrix().panelColumns());
        if (!packed.isRowMajor() && !(packed.layout().equals(panel) && PanelLayout.takes(packed))) {
            return Decision.refused(
                    Support.Reason.FORMAT,
                    "this device does not know "
                            + packed
                            + "; it packs F32 and BF16 into the layout "
                            + panel,
                    "the format that device.preferred names");
        }
        return Decision.planned(
                context.implementation(name),
                Numerics.F32_INVARIANT,
                0,
                (args, _) -> bind(spec, args));
    }

    private HostWork bind(PackWeight spec, PackWeight.Args args) {
        int groups = Math.max(1, spec.matrices());
        int panelRows = context.matrix().panelColumns();
        Weights from = Weights.of(args.from(), groups, panelRows);
        Weights to = Weights.of(args.to(), groups, panelRows);
        if (spec.from().isRowMajor() && spec.to().isRowMajor()) {
            return new Copy(
                    context.pool(),
                    groups,
                    Shape.of(spec.rows(), spec.columns()),
                    from,
                    to,
                    spec.from());
        }
        boolean toPanels = spec.from().isRowMajor();
        PanelLayout layout =
                PanelLayout.of(
                        spec.from().dtype(), panelRows, Shape.of(spec.rows(), spec.columns()));
        PanelCopy copy =
                new PanelCopy(layout, toPanels ? from : to, toPanels ? to : from, toPanels);
        return new Panels(context.pool(), groups, (int) layout.panels(), copy);
    }

    private record Panels(WorkerPool pool, int groups, int panels, PanelCopy copy)
            implements HostWork, WorkerPool.Task {
        @Override
        public void run(FaultSink faults) {
            pool.run(Math.multiplyExact(groups, panels), this);
        }

        @Override
        public void run(int task, int worker) {
            copy.move(task / panels, task % panels);
        }
    }

    private record Copy(
            WorkerPool pool,
            int groups,
            Shape matrix,
            Weights from,
            Weights to,
            WeightFormat format)
            implements HostWork, WorkerPool.Task {
        @Override
        public void run(FaultSink faults) {
            pool.run(groups, this);
        }

        @Override
        public void run(int group, int worker) {
            long bytes = format.dtype().bytes(matrix.elements());
            MemorySegment.copy(
                    from.segment(group),
                    from.at(group, 0),
                    to.segment(group),
                    to.at(group, 0),
                    bytes);
            if (format.scheme().isPresent()) {
                var scheme = format.scheme().get();
                long scales = scheme.scales().bytes(scheme.scaleShape(matrix).elements());
                MemorySegment.copy(
                        from.scaleSegment(group),
                        from.scalesAt(group),
                        to.scaleSegment(group),
                        to.scalesAt(group),
                        scales);
            }
        }
    }
}
