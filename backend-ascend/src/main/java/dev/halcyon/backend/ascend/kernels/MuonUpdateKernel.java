package dev.halcyon.backend.ascend.kernels;

import dev.halcyon.backend.ascend.acl.AclDataType;
import dev.halcyon.backend.ascend.operators.AscendWork;
import dev.halcyon.backend.ascend.operators.Composition;
import dev.halcyon.backend.ascend.operators.Platform;
import dev.halcyon.backend.ascend.operators.View;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.kernel.optimizer.MuonUpdate;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.util.List;

/// [MuonUpdate] with learning rate and decay read from device memory, so that a graph sees new
/// ones.
record MuonUpdateKernel(Platform platform)
        implements Kernel<MuonUpdate, MuonUpdate.Args, AscendWork> {
    private static final String NAME = "muon-update";

    private record Views(MatrixViews parameter, MatrixViews direction, View hyper) {}

    @Override
    public Class<MuonUpdate> specType() {
        return MuonUpdate.class;
    }

    @Override
    public List<String> implementations() {
        return List.of(NAME);
    }

    @Override
    public Decision<MuonUpdate.Args, AscendWork> decide(MuonUpdate spec, Limits limits) {
        Decision<MuonUpdate.Args, AscendWork> refusal =
                Composed.refuseBf16(platform, spec.parameter(), spec.direction());
        if (refusal != null) {
            return refusal;
        }
        DType compute = Composed.compute(spec.parameter());
        return Composed.decide(
                platform,
                NAME,
                Composed.rows(compute),
                new Views(
                        MatrixViews.unbound(
                                spec.parameter(), spec.matrices(), spec.rows(), spec.columns()),
                        MatrixViews.unbound(
                                spec.direction(), spec.matrices(), spec.rows(), spec.columns()),
                        View.unbound(DType.F32, 2)),
                args ->
                        new Views(
                                MatrixViews.of(args.parameter()),
                                MatrixViews.of(args.direction()),
                                View.of(args.hyper())),
                (c, views) -> compose(c, spec, Composed.acl(compute), views));
    }

    private static void compose(Composition c, MuonUpdate spec, AclDataType compute, Views views) {
        View hyper = c.as(compute, views.hyper());
        View rate = hyper.slice(0, 0, 1);
        View decay = hyper.slice(0, 1, 2);
        View keep = c.scratch(compute, 1);
        c.multiply(rate, decay, keep);
        c.multiplyBy(keep, -1);
        c.addTo(keep, 1);
        View step = c.scratch(compute, 1);
        c.multiply(rate, -spec.scale(), step);
        View parameter = c.scratch(compute, spec.matrices(), spec.rows(), spec.columns());
        views.parameter().load(c, parameter);
        c.multiplyBy(parameter, keep);
        View direction = c.scratch(compute, spec.matrices(), spec.rows(), spec.columns());
        views.direction().load(c, direction);
        c.multiplyBy(direction, step);
        c.addTo(parameter, direction, 1);
        views.parameter().store(c, parameter);
    }

    /// Moves parameters by a direction of FLOAT, in place where they are one view of FLOAT.
    static void move(
            Composition c, MuonUpdate spec, View hyper, MatrixViews given, View direction) {
        View rate = hyper.slice(0, 0, 1);
        View keep = c.scratch(AclDataType.FLOAT, 1);
        c.multiply(rate, hyper.slice(0, 1, 2), keep);
        c.multiplyBy(keep, -1);
        c.addTo(keep, 1);
        View step = c.scratch(AclDataType.FLOAT, 1);
        c.multiply(rate, -spec.scale(), step);
        View parameter = given.numbers(c);
        c.multiplyBy(parameter, keep);
        c.addProductTo(parameter, direction, step, 1);
        if (!given.isItself(parameter)) {
            given.store(c, parameter);
        }
    }
}
