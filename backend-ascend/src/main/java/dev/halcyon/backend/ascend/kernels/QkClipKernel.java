package dev.halcyon.backend.ascend.kernels;

import dev.halcyon.backend.ascend.acl.AclDataType;
import dev.halcyon.backend.ascend.operators.AscendWork;
import dev.halcyon.backend.ascend.operators.Composition;
import dev.halcyon.backend.ascend.operators.Platform;
import dev.halcyon.backend.ascend.operators.View;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.kernel.attention.QkClip;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import org.jspecify.annotations.Nullable;

import java.util.List;

/// [QkClip] by one product a part of the weights, with the factors of all heads.
///
/// There is no operator for powers, but alpha is known when the launch is bound: the power is the
/// product of those repeated square roots that are bits of alpha, in F64. The usual alpha, a half,
/// takes one.
record QkClipKernel(Platform platform) implements Kernel<QkClip, QkClip.Args, AscendWork> {
    private static final String NAME = "qk-clip";

    /// Bits of alpha that are looked at; the next one changes no factor of an F32 weight.
    private static final int BITS = 40;

    private record Views(View query, View kv, View maxLogit, @Nullable View eta) {}

    @Override
    public Class<QkClip> specType() {
        return QkClip.class;
    }

    @Override
    public List<String> implementations() {
        return List.of(NAME);
    }

    @Override
    public Decision<QkClip.Args, AscendWork> decide(QkClip spec, Limits limits) {
        Decision<QkClip.Args, AscendWork> refusal = Composed.refuseBf16(platform, spec.weight());
        if (refusal != null) {
            return refusal;
        }
        return Composed.decide(
                platform,
                NAME,
                Composed.rows(Composed.compute(spec.weight())),
                new Views(
                        View.unbound(spec.weight(), queryRows(spec), spec.queryRank()),
                        View.unbound(spec.weight(), kvRows(spec), spec.latentDim()),
                        View.unbound(DType.F32, spec.heads()),
                        View.unbound(DType.F32, spec.heads())),
                args ->
                        new Views(
                                View.of(args.queryWeight()),
                                View.of(args.kvWeight()),
                                View.of(args.maxLogit()),
                                Composed.optional(args.eta())),
                (c, views) -> compose(c, spec, views));
    }

    private static long queryRows(QkClip spec) {
        return spec.heads() * ((long) spec.nopeDim() + spec.ropeDim());
    }

    private static long kvRows(QkClip spec) {
        return spec.heads() * ((long) spec.nopeDim() + spec.valueDim());
    }

    private static void compose(Composition c, QkClip spec, Views views) {
        long heads = spec.heads();
        View largest = c.scratch(AclDataType.DOUBLE, heads);
        c.convert(views.maxLogit(), largest);
        View limit = c.scratch(AclDataType.DOUBLE, heads);
        c.fill(limit, spec.tau());
        View eta = c.scratch(AclDataType.DOUBLE, heads);
        c.fill(eta, spec.tau());
        // A logit that is not above the limit, NaN among them, counts as the limit.
        View divisor = c.scratch(AclDataType.DOUBLE, heads);
        c.select(c.greater(largest, spec.tau()), largest, limit, divisor);
        c.divideBy(eta, divisor);
        if (views.eta() != null) {
            c.convert(eta, views.eta());
        }
        int nope = spec.nopeDim();
        scale(c, spec, views.query(), 0, nope, power(c, eta, spec.alpha()));
        scale(c, spec, views.query(), nope, nope + spec.ropeDim(), eta);
        scale(c, spec, views.kv(), 0, nope, power(c, eta, 1 - spec.alpha()));
    }

    /// {@return `x^exponent`, of numbers above 0}
    private static View power(Composition c, View x, double exponent) {
        if (exponent == 1) {
            return x;
        }
        View power = c.scratch(AclDataType.DOUBLE, x.dims());
        c.fill(power, 1);
        View root = c.scratch(AclDataType.DOUBLE, x.dims());
        c.copy(x, root);
        double rest = exponent;
        for (int bit = 0; bit < BITS && rest > 0; bit++) {
            rest *= 2;
            c.accurateRoot(root);
            if (rest >= 1) {
                c.multiplyBy(power, root);
                rest -= 1;
            }
        }
        return power;
    }

    /// Multiplies rows `from` to `end - 1` of every head by its factor.
    private static void scale(
            Composition c, QkClip spec, View weight, long from, long end, View factors) {
        if (from == end) {
            return;
        }
        long heads = spec.heads();
        View ofHead = byHead(weight, heads).slice(1, from, end);
        AclDataType type = Composed.acl(Composed.compute(spec.weight()));
        View factor = c.as(type, factors).reshape(heads, 1, 1);
        if (weight.type() == type) {
            c.multiplyBy(ofHead, factor);
            return;
        }
        for (long head = 0; head < heads; head++) {
            long mark = c.mark();
            View rows = c.as(type, ofHead.get(head));
            c.multiplyBy(rows, factor.get(head));
            c.convert(rows, ofHead.get(head));
            c.release(mark);
        }
    }

    /// {@return the rows of a weight as `[heads, rows a head, columns]`}
    private static View byHead(View weight, long heads) {
        long each = weight.dim(0) / heads;
        long[] strides = weight.strides();
        return new View(
                weight.type(),
                weight.base(),
                weight.offset(),
                new long[] {heads, each, weight.dim(1)},
                new long[] {each * strides[0], strides[0], strides[1]});
    }
}
