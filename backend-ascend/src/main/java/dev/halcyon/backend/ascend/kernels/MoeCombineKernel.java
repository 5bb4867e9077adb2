package dev.halcyon.backend.ascend.kernels;

import dev.halcyon.backend.ascend.acl.AclDataType;
import dev.halcyon.backend.ascend.operators.AscendWork;
import dev.halcyon.backend.ascend.operators.Composition;
import dev.halcyon.backend.ascend.operators.Platform;
import dev.halcyon.backend.ascend.operators.View;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.kernel.moe.MoeCombine;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import org.jspecify.annotations.Nullable;

import java.util.List;

/// [MoeCombine] by a gather of every token's rows and a sum over them.
record MoeCombineKernel(Platform platform)
        implements Kernel<MoeCombine, MoeCombine.Args, AscendWork> {
    private static final String NAME = "moe-combine.gather";

    private record Views(
            View rows,
            View tokenRow,
            @Nullable View weights,
            @Nullable View addend,
            View out,
            @Nullable View activeRows) {}

    @Override
    public Class<MoeCombine> specType() {
        return MoeCombine.class;
    }

    @Override
    public List<String> implementations() {
        return List.of(NAME);
    }

    @Override
    public Decision<MoeCombine.Args, AscendWork> decide(MoeCombine spec, Limits limits) {
        Decision<MoeCombine.Args, AscendWork> refusal =
                Composed.refuseBf16(platform, spec.rows(), spec.out());
        if (refusal != null) {
            return refusal;
        }
        DType compute = Composed.compute(spec.rows());
        View out = View.unbound(spec.out(), spec.maxTokens(), spec.dim());
        return Composed.decide(
                platform,
                NAME,
                Composed.rows(compute),
                new Views(
                        View.unbound(spec.rows(), spec.maxRows(), spec.dim()),
                        View.unbound(DType.I32, spec.maxTokens(), spec.topK()),
                        spec.weighted()
                                ? View.unbound(DType.F32, spec.maxTokens(), spec.topK())
                                : null,
                        spec.addend() ? out : null,
                        out,
                        View.unbound(DType.I32, 1)),
                args ->
                        new Views(
                                View.of(args.rows()),
                                View.of(args.tokenRow()),
                                Composed.optional(args.weights()),
                                Composed.optional(args.addend()),
                                View.of(args.out()),
                                Composed.optional(args.activeRows())),
                (c, views) -> compose(c, spec, Composed.acl(compute), views));
    }

    private static void compose(Composition c, MoeCombine spec, AclDataType compute, Views views) {
        long tokens = views.out().dim(0);
        long choices = tokens * spec.topK();
        if (tokens == 0) {
            return;
        }
        View live = RowBounds.replaceDead(c, views.tokenRow(), views.activeRows(), -1);
        View places = c.scratch(AclDataType.INT32, tokens, spec.topK());
        View skipped = c.checkIndices(live, views.rows().dim(0), -1, 0, places);
        View sum = c.scratch(compute, tokens, 1, spec.dim());
        if (views.rows().dim(0) == 0) {
            c.fill(sum, 0);
        } else {
            View gathered = c.scratch(views.rows().type(), choices, spec.dim());
            c.gatherRows(views.rows(), places.reshape(choices), gathered);
            View numbers = c.scratch(compute, choices, spec.dim());
            c.convert(gathered, numbers);
            c.fillWhere(numbers, skipped.reshape(choices).unsqueeze(1), 0);
            View parts = numbers.reshape(tokens, spec.topK(), spec.dim());
            View weights = views.weights();
            if (weights != null) {
                View factors = c.scratch(compute, tokens, spec.topK());
                c.convert(weights, factors);
                c.fillWhere(factors, skipped, 0);
                c.multiplyBy(parts, factors.unsqueeze(2));
            }
            c.reduceSum(parts, new long[] {1}, sum);
        }
        View result = sum.reshape(tokens, spec.dim());
        View addend = views.addend();
        if (addend != null) {
            c.addTo(result, c.as(compute, addend), 1);
        }
        c.fillWhere(result, badTokens(c, live, skipped), 0);
        c.convert(result, views.out());
    }

    /// {@return which tokens have a choice that is no row and not absent either, BOOL `[T, 1]`}
    private static View badTokens(Composition c, View live, View skipped) {
        View bad = c.scratch(AclDataType.FLOAT, live.dims());
        c.convert(skipped, bad);
        View absent = c.scratch(AclDataType.FLOAT, live.dims());
        c.convert(c.equal(live, -1), absent);
        c.addTo(bad, absent, -1);
        View count = c.scratch(AclDataType.FLOAT, live.dim(0), 1);
        c.sumRows(bad, count);
        return c.greater(count, 0);
    }
}
