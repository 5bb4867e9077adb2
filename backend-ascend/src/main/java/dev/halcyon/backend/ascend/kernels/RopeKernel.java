package dev.halcyon.backend.ascend.kernels;

import dev.halcyon.backend.ascend.acl.AclDataType;
import dev.halcyon.backend.ascend.operators.AscendWork;
import dev.halcyon.backend.ascend.operators.Composition;
import dev.halcyon.backend.ascend.operators.Platform;
import dev.halcyon.backend.ascend.operators.View;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Support;
import dev.halcyon.hal.kernel.attention.Rope;
import dev.halcyon.hal.kernel.attention.Rope.Pairing;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.util.List;

/// [Rope] with angles from tables, for any position and without sine or cosine on the device.
///
/// A position is the sum of what its four bytes stand for, so its rotation is the product of four
/// rotations, each one of 256 that were computed in binary64. The bytes are read as they lie in
/// memory.
record RopeKernel(Platform platform) implements Kernel<Rope, Rope.Args, AscendWork> {
    private static final String NAME = "rope.tables";
    private static final int BYTES = 4;
    private static final int VALUES = 256;

    private record Views(View x, View positions, View out) {}

    /// Cosines and sines, FLOAT `[R, 1, d/2]` each.
    private record Rotation(View cosine, View sine) {}

    @Override
    public Class<Rope> specType() {
        return Rope.class;
    }

    @Override
    public List<String> implementations() {
        return List.of(NAME);
    }

    @Override
    public Decision<Rope.Args, AscendWork> decide(Rope spec, Limits limits) {
        if (spec.in() == DType.F64) {
            return Decision.refused(
                    Support.Reason.NUMERICS,
                    "angles are kept in F32, which F64 values would lose by",
                    "F32");
        }
        Decision<Rope.Args, AscendWork> refusal =
                Composed.refuseBf16(platform, spec.in(), spec.out());
        if (refusal != null) {
            return refusal;
        }
        return Composed.decide(
                platform,
                NAME,
                Composed.rows(DType.F32),
                new Views(
                        View.unbound(spec.in(), spec.maxRows(), spec.heads(), spec.headDim()),
                        View.unbound(DType.I32, spec.maxRows()),
                        View.unbound(spec.out(), spec.maxRows(), spec.heads(), spec.headDim())),
                args ->
                        new Views(
                                View.of(args.x()), View.of(args.positions()), View.of(args.out())),
                (c, views) -> compose(c, spec, views));
    }

    private static void compose(Composition c, Rope spec, Views views) {
        long rows = views.x().dim(0);
        if (views.x().elements() == 0) {
            return;
        }
        View all = c.scratch(AclDataType.FLOAT, views.x().dims());
        c.convert(views.x(), all);
        int pairs = spec.frequencies().dim() / 2;
        if (pairs > 0) {
            Rotation rotation = rotation(c, spec, views.positions(), rows, pairs);
            View a = half(all, spec, pairs, 0);
            View b = half(all, spec, pairs, 1);
            View turnedA = c.scratch(AclDataType.FLOAT, a.dims());
            View turnedB = c.scratch(AclDataType.FLOAT, a.dims());
            View part = c.scratch(AclDataType.FLOAT, a.dims());
            c.multiply(a, rotation.cosine(), turnedA);
            c.multiply(b, rotation.sine(), part);
            c.addTo(turnedA, part, -1);
            c.multiply(a, rotation.sine(), turnedB);
            c.multiply(b, rotation.cosine(), part);
            c.addTo(turnedB, part, 1);
            c.copy(turnedA, a);
            c.copy(turnedB, b);
        }
        c.convert(all, views.out());
    }

    /// {@return the first or second value of every pair, `[R, heads, d/2]`}
    private static View half(View all, Rope spec, int pairs, int which) {
        boolean interleaved = spec.pairing() == Pairing.INTERLEAVED;
        long first = spec.firstRotated() + (interleaved ? which : (long) which * pairs);
        return new View(
                all.type(),
                all.base(),
                all.offset() + first,
                new long[] {all.dim(0), all.dim(1), pairs},
                new long[] {all.strides()[0], all.strides()[1], interleaved ? 2 : 1});
    }

    private static Rotation rotation(
            Composition c, Rope spec, View positions, long rows, int pairs) {
        View digits = c.bytesOf(positions);
        View cosine = c.scratch(AclDataType.FLOAT, rows, pairs);
        View sine = c.scratch(AclDataType.FLOAT, rows, pairs);
        View digit = c.scratch(AclDataType.INT32, rows, 1);
        for (int i = 0; i < BYTES; i++) {
            c.copy(digits.slice(1, i, i + 1), digit);
            View ids = digit.reshape(rows);
            View byteCosine = c.scratch(AclDataType.FLOAT, rows, pairs);
            View byteSine = c.scratch(AclDataType.FLOAT, rows, pairs);
            c.gatherRows(table(c, spec, i, pairs, true), ids, byteCosine);
            c.gatherRows(table(c, spec, i, pairs, false), ids, byteSine);
            if (i == 0) {
                c.copy(byteCosine, cosine);
                c.copy(byteSine, sine);
                continue;
            }
            // (cos + i sin)(cos' + i sin')
            View real = c.scratch(AclDataType.FLOAT, rows, pairs);
            View part = c.scratch(AclDataType.FLOAT, rows, pairs);
            c.multiply(cosine, byteCosine, real);
            c.multiply(sine, byteSine, part);
            c.addTo(real, part, -1);
            c.multiplyBy(sine, byteCosine);
            c.multiply(cosine, byteSine, part);
            c.addTo(sine, part, 1);
            c.copy(real, cosine);
        }
        double magnitude = spec.frequencies().magnitude();
        if (magnitude != 1) {
            c.multiplyBy(cosine, magnitude);
            c.multiplyBy(sine, magnitude);
        }
        return new Rotation(cosine.unsqueeze(1), sine.unsqueeze(1));
    }

    private static View table(Composition c, Rope spec, int place, int pairs, boolean cosine) {
        float[] values = new float[VALUES * pairs];
        for (int value = 0; value < VALUES; value++) {
            // The highest byte carries the sign.
            long part = place == BYTES - 1 ? (byte) value : value;
            double position = (double) part * Math.scalb(1.0, 8 * place);
            for (int i = 0; i < pairs; i++) {
                double angle = position * spec.frequencies().inverseFrequency(i);
                double turned = spec.inverse() ? -angle : angle;
                values[value * pairs + i] = (float) (cosine ? Math.cos(turned) : Math.sin(turned));
            }
        }
        String name =
                (cosine ? "cosines " : "sines ")
                        + place
                        + " of "
                        + spec.frequencies()
                        + (spec.inverse() ? " inverse" : "");
        return c.table(name, values).reshape(VALUES, pairs);
    }
}
