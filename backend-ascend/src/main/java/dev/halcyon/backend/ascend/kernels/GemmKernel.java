package dev.halcyon.backend.ascend.kernels;

import dev.halcyon.backend.ascend.acl.AclDataType;
import dev.halcyon.backend.ascend.operators.AscendWork;
import dev.halcyon.backend.ascend.operators.Composition;
import dev.halcyon.backend.ascend.operators.Platform;
import dev.halcyon.backend.ascend.operators.View;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.kernel.linear.Gemm;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.util.List;

/// [Gemm]: one product of the matrix unit where both sides have one type of 16 or 32 bits and one
/// rounding suffices; otherwise a product in binary32, scaled and added there.
record GemmKernel(Platform platform) implements Kernel<Gemm, Gemm.Args, AscendWork> {
    private static final String DIRECT = "gemm.mm";
    private static final String COMPOSED = "gemm.composed";
    private static final String DECODED = "gemm.decoded";
    private static final String INVARIANT = "gemm.blocks-of-16-rows";

    private record Views(View a, WeightViews b, View out) {}

    @Override
    public Class<Gemm> specType() {
        return Gemm.class;
    }

    @Override
    public List<String> implementations() {
        return List.of(DIRECT, COMPOSED, DECODED, INVARIANT);
    }

    @Override
    public Decision<Gemm.Args, AscendWork> decide(Gemm spec, Limits limits) {
        Decision<Gemm.Args, AscendWork> refusal =
                Products.refusal(platform, spec.a(), spec.b(), spec.out(), spec.accumulate());
        if (refusal != null) {
            return refusal;
        }
        DType b = spec.b().dtype();
        boolean decoded = spec.b().scheme().isPresent() || b.bits() < 16 || spec.a().bits() < 16;
        boolean sameTypes = spec.a() == b && !decoded;
        boolean direct =
                sameTypes
                        && !spec.b().isListed()
                        && spec.alpha() == 1
                        && spec.beta() == 0
                        && spec.k() > 0
                        && Products.writes(platform, b, spec.out());
        long[] stored =
                spec.transposeB()
                        ? new long[] {spec.n(), spec.k()}
                        : new long[] {spec.k(), spec.n()};
        boolean batched = spec.maxBatch() > 1 || spec.b().isListed();
        Views atBounds =
                new Views(
                        matrix(
                                spec.a(),
                                batched,
                                spec.maxBatch(),
                                spec.transposeA() ? spec.k() : spec.maxM(),
                                spec.transposeA() ? spec.maxM() : spec.k()),
                        batched
                                ? WeightViews.unbound(
                                        spec.b(), spec.maxBatch(), stored[0], stored[1])
                                : WeightViews.unbound(spec.b(), stored),
                        matrix(spec.out(), batched, spec.maxBatch(), spec.maxM(), spec.n()));
        return Composed.decide(
                platform,
                spec.batchInvariant() ? INVARIANT : direct ? DIRECT : decoded ? DECODED : COMPOSED,
                spec.batchInvariant() ? Composed.rows(DType.F32) : Composed.reductions(DType.F32),
                atBounds,
                args -> new Views(View.of(args.a()), WeightViews.of(args.b()), View.of(args.out())),
                (c, views) -> compose(c, spec, direct, views));
    }

    private static View matrix(DType dtype, boolean batched, long batch, long rows, long columns) {
        return batched
                ? View.unbound(dtype, batch, rows, columns)
                : View.unbound(dtype, rows, columns);
    }

    private static void compose(Composition c, Gemm spec, boolean direct, Views views) {
        View out = views.out();
        if (out.elements() == 0) {
            return;
        }
        View a = spec.transposeA() ? views.a().transpose(-1, -2) : views.a();
        if (spec.k() == 0) {
            scale(c, spec, out);
            return;
        }
        AclDataType type =
                Products.operandType(spec.a(), spec.b().dtype(), spec.b().scheme().isPresent());
        View left =
                spec.a().bits() < 16
                        ? c.as(type, SmallFloats.decode(c, spec.a(), a))
                        : c.as(type, a);
        boolean plain = spec.alpha() == 1 && spec.beta() == 0;
        View result =
                direct && c.isDense(out)
                        ? out
                        : c.scratch(direct ? out.type() : AclDataType.FLOAT, out.dims());
        multiply(c, spec, left, views.b(), type, result);
        if (result == out) {
            return;
        }
        if (!plain) {
            c.multiplyBy(result, spec.alpha());
            if (spec.beta() != 0) {
                c.addTo(result, c.as(AclDataType.FLOAT, out), spec.beta());
            }
        }
        c.convert(result, out);
    }

    /// No sum at all: what was there, scaled.
    private static void scale(Composition c, Gemm spec, View out) {
        if (spec.beta() == 0) {
            View zeros = c.scratch(out.type(), out.dims());
            c.fill(zeros, 0);
            c.copy(zeros, out);
            return;
        }
        View scaled = c.scratch(AclDataType.FLOAT, out.dims());
        c.convert(out, scaled);
        c.multiplyBy(scaled, spec.beta());
        c.convert(scaled, out);
    }

    private static void multiply(
            Composition c, Gemm spec, View a, WeightViews b, AclDataType type, View out) {
        if (b.format().isListed()) {
            for (int i = 0; i < a.dim(0); i++) {
                long mark = c.mark();
                View right = oriented(spec, b.numbers(c, i, type));
                multiply(c, spec, a.get(i), right, out.get(i));
                c.release(mark);
            }
            return;
        }
        View right = oriented(spec, b.numbers(c, 0, type));
        boolean isShared = right.rank() == 2;
        if (out.rank() == 3 && (isShared || spec.batchInvariant())) {
            for (int i = 0; i < a.dim(0); i++) {
                multiply(c, spec, a.get(i), isShared ? right : right.get(i), out.get(i));
            }
            return;
        }
        multiply(c, spec, a, right, out);
    }

    private static void multiply(Composition c, Gemm spec, View a, View b, View out) {
        if (spec.batchInvariant()) {
            Products.multiplyByRows(c, a, b, out);
        } else {
            Products.multiply(c, a, b, out);
        }
    }

    private static View oriented(Gemm spec, View b) {
        return spec.transposeB() ? b.transpose(-1, -2) : b;
    }
}
