package dev.halcyon.backend.ascend.kernels;

import dev.halcyon.backend.ascend.acl.AclDataType;
import dev.halcyon.backend.ascend.operators.AscendWork;
import dev.halcyon.backend.ascend.operators.Composition;
import dev.halcyon.backend.ascend.operators.Platform;
import dev.halcyon.backend.ascend.operators.View;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Support;
import dev.halcyon.hal.kernel.optimizer.MuonStep;
import dev.halcyon.hal.kernel.optimizer.MuonUpdate;
import dev.halcyon.hal.kernel.optimizer.NewtonSchulz;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.util.List;

/// [MuonStep] on all matrices at once: momentum, orthogonalisation and update each take the same
/// number of launches for one matrix as for a stack of experts.
record MuonStepKernel(Platform platform) implements Kernel<MuonStep, MuonStep.Args, AscendWork> {
    private static final String NAME = "muon-step.stacked";

    private record Views(
            MatrixViews parameter, MatrixViews gradient, MatrixViews momentum, View hyper) {}

    @Override
    public Class<MuonStep> specType() {
        return MuonStep.class;
    }

    @Override
    public List<String> implementations() {
        return List.of(NAME);
    }

    @Override
    public Decision<MuonStep.Args, AscendWork> decide(MuonStep spec, Limits limits) {
        NewtonSchulz inner = spec.newtonSchulz();
        List<DType> types =
                List.of(
                        spec.parameter(),
                        spec.gradient(),
                        spec.buffer(),
                        inner.in(),
                        inner.compute(),
                        inner.out());
        if (types.contains(DType.F64)) {
            return Decision.refused(
                    Support.Reason.NUMERICS,
                    "the matrix unit does not compute in F64",
                    "a step that computes in F32");
        }
        Decision<MuonStep.Args, AscendWork> refusal =
                Composed.refuseBf16(platform, types.toArray(DType[]::new));
        if (refusal != null) {
            return refusal;
        }
        return Composed.decide(
                platform,
                NAME,
                Composed.reductions(DType.F32),
                new Views(
                        matrices(inner, spec.parameter()),
                        matrices(inner, spec.gradient()),
                        matrices(inner, spec.buffer()),
                        View.unbound(DType.F32, 2)),
                args ->
                        new Views(
                                MatrixViews.of(args.parameter()),
                                MatrixViews.of(args.gradient()),
                                MatrixViews.of(args.momentum()),
                                View.of(args.hyper())),
                (c, views) -> compose(c, spec, views));
    }

    private static MatrixViews matrices(NewtonSchulz shape, DType dtype) {
        return MatrixViews.unbound(dtype, shape.matrices(), shape.rows(), shape.columns());
    }

    private static void compose(Composition c, MuonStep spec, Views views) {
        NewtonSchulz inner = spec.newtonSchulz();
        View gradient = views.gradient().numbers(c);
        View momentum = views.momentum().numbers(c);
        c.multiplyBy(momentum, spec.beta());
        c.addTo(momentum, gradient, spec.gradientFactor());
        if (!views.momentum().isItself(momentum)) {
            views.momentum().store(c, momentum);
            views.momentum().load(c, momentum);
        }
        View direction = momentum;
        if (spec.nesterov()) {
            direction = c.scratch(AclDataType.FLOAT, momentum.dims());
            c.multiply(momentum, spec.beta(), direction);
            c.addTo(direction, gradient, spec.gradientFactor());
        }
        View orthogonal =
                NewtonSchulzKernel.orthogonalised(
                        c, inner, c.as(Composed.acl(inner.in()), direction));
        View stored = c.as(Composed.acl(inner.out()), orthogonal);
        MuonUpdateKernel.move(
                c,
                MuonUpdate.of(spec),
                views.hyper(),
                views.parameter(),
                c.as(AclDataType.FLOAT, stored));
    }
}
