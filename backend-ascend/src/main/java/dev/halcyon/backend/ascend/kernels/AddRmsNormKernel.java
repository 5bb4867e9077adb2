package dev.halcyon.backend.ascend.kernels;

import dev.halcyon.backend.ascend.acl.AclDataType;
import dev.halcyon.backend.ascend.acl.Operator;
import dev.halcyon.backend.ascend.operators.AscendWork;
import dev.halcyon.backend.ascend.operators.Composition;
import dev.halcyon.backend.ascend.operators.Platform;
import dev.halcyon.backend.ascend.operators.View;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Support;
import dev.halcyon.hal.kernel.norm.AddRmsNorm;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import org.jspecify.annotations.Nullable;

import java.util.List;
import java.util.Objects;

/// [AddRmsNorm] by CANN's own operator where sum and result have one type; it writes both elsewhere
/// than it reads, so a sum in place takes a copy more. Other types are left to the lowering.
record AddRmsNormKernel(Platform platform)
        implements Kernel<AddRmsNorm, AddRmsNorm.Args, AscendWork> {
    private static final String NAME = "add-rms-norm";

    private record Views(View x, View residual, @Nullable View weight, View sum, View out) {}

    @Override
    public Class<AddRmsNorm> specType() {
        return AddRmsNorm.class;
    }

    @Override
    public List<String> implementations() {
        return List.of(NAME);
    }

    @Override
    public Decision<AddRmsNorm.Args, AscendWork> decide(AddRmsNorm spec, Limits limits) {
        boolean fits = !spec.weighted() || spec.weight() == spec.in() || spec.weight() == DType.F32;
        if (spec.in() != spec.out() || spec.in() == DType.F64 || !fits) {
            return Decision.refused(
                    Support.Reason.FORMAT,
                    "CANN's AddRmsNorm takes one type of 16 or 32 bits, and weights of it or F32",
                    "one type");
        }
        Decision<AddRmsNorm.Args, AscendWork> refusal = Composed.refuseBf16(platform, spec.in());
        if (refusal != null) {
            return refusal;
        }
        View rows = View.unbound(spec.in(), spec.maxRows(), spec.dim());
        return Composed.decide(
                platform,
                NAME,
                Composed.rows(DType.F32),
                new Views(
                        rows,
                        rows,
                        spec.weighted() ? View.unbound(spec.weight(), spec.dim()) : null,
                        rows,
                        rows),
                args ->
                        new Views(
                                View.of(args.x()),
                                View.of(args.residual()),
                                Composed.optional(args.weight()),
                                View.of(args.sum()),
                                View.of(args.out())),
                (c, views) -> {
                    if (views.x().elements() > 0) {
                        compose(c, spec, views);
                    }
                });
    }

    private static void compose(Composition c, AddRmsNorm spec, Views views) {
        View gamma = views.weight();
        if (gamma == null) {
            gamma = c.scratch(AclDataType.FLOAT, spec.dim());
            c.fill(gamma, 1);
        }
        View sum = elsewhere(c, views.sum(), views);
        View out = elsewhere(c, views.out(), views);
        View reciprocal = c.scratch(AclDataType.FLOAT, views.x().dim(0), 1);
        c.call(
                Operator.ADD_RMS_NORM,
                views.x(),
                views.residual(),
                Objects.requireNonNull(gamma),
                spec.epsilon(),
                out,
                reciprocal,
                sum);
        if (out != views.out()) {
            c.copy(out, views.out());
        }
        if (sum != views.sum()) {
            c.copy(sum, views.sum());
        }
    }

    /// {@return where the operator may write: the view itself if it is dense and not read}
    private static View elsewhere(Composition c, View wanted, Views views) {
        boolean isRead = wanted.isSameAs(views.x()) || wanted.isSameAs(views.residual());
        return !isRead && c.isDense(wanted) ? wanted : c.scratch(wanted.type(), wanted.dims());
    }
}
