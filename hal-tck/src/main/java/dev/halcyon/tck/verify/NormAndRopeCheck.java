package dev.halcyon.tck.verify;

import dev.halcyon.hal.kernel.attention.Rope;
import dev.halcyon.hal.kernel.attention.RotaryFrequencies;
import dev.halcyon.hal.kernel.norm.RmsNorm;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.tck.fixture.Fixture;
import dev.halcyon.tck.fixture.RopeCase;

/// RMS norms and rotary embeddings.
final class NormAndRopeCheck {
    private static final double FREQUENCY_TOLERANCE = 1e-12;

    private NormAndRopeCheck() {}

    static void rmsNorm(Fixture fixture, Workbench bench, Comparison found) {
        int tokens = fixture.dim("in.x", 0);
        int width = fixture.dim("in.x", 1);
        Tensor x = bench.rows(fixture.doubles("in.x"), tokens, width);
        Tensor weight = bench.weight(fixture.doubles("w.weight"), width);
        Tensor out = bench.unfilled(tokens, width);
        bench.run(
                RmsNorm.of(bench.bound(tokens), width, bench.storage(), fixture.number("eps")),
                new RmsNorm.Args(x, weight, out, null, bench.active(tokens)));
        found.close("out.y", fixture.doubles("out.y"), bench.read(out, tokens));
    }

    static void rope(Fixture fixture, Workbench bench, Comparison found) {
        int dim = fixture.integer("rope_head_dim");
        Rope rope = rope(fixture, bench, dim);
        found.close(
                "out.y_interleaved",
                fixture.doubles("out.y_interleaved"),
                rotate(fixture, bench, rope));
        found.close(
                "out.y_half_split",
                fixture.doubles("out.y_half_split"),
                rotate(fixture, bench, rope.withPairing(Rope.Pairing.HALF_SPLIT)));
        tables(fixture, bench, found, rope.frequencies());
        if (fixture.has("out.inv_freq")) {
            double[] frequencies = new double[dim / 2];
            for (int i = 0; i < frequencies.length; i++) {
                frequencies[i] = rope.frequencies().inverseFrequency(i);
            }
            found.within(
                    "out.inv_freq",
                    fixture.doubles("out.inv_freq"),
                    frequencies,
                    FREQUENCY_TOLERANCE);
        }
    }

    static void ropeOfLastValues(Fixture fixture, Workbench bench, Comparison found) {
        Rope rope = rope(fixture, bench, fixture.integer("rope_head_dim"));
        found.close("out.y", fixture.doubles("out.y"), rotate(fixture, bench, rope));
        found.close(
                "out.y_inverse",
                fixture.doubles("out.y_inverse"),
                rotate(fixture, bench, rope.withInverse(true)));
        tables(fixture, bench, found, rope.frequencies());
    }

    private static Rope rope(Fixture fixture, Workbench bench, int dim) {
        RotaryFrequencies frequencies =
                Specs.frequencies(
                        dim, fixture.number("rope_theta"), RopeCase.of(fixture, dim).yarn());
        int rows = fixture.dim("in.x", 0);
        return Rope.of(
                bench.bound(rows),
                fixture.dim("in.x", 1),
                fixture.dim("in.x", 2),
                frequencies,
                bench.storage());
    }

    private static double[] rotate(Fixture fixture, Workbench bench, Rope rope) {
        return rotate(fixture, bench, rope, fixture.doubles("in.x"));
    }

    private static double[] rotate(Fixture fixture, Workbench bench, Rope rope, double[] values) {
        int rows = fixture.dim("in.positions", 0);
        Tensor x = bench.rows(rope.in(), values, rows, rope.heads(), rope.headDim());
        Tensor positions = bench.intRows(fixture.ints("in.positions"), rows, 1);
        Tensor out = bench.unfilled(rope.out(), rows, rope.heads(), rope.headDim());
        bench.run(rope, new Rope.Args(x, positions, out, bench.active(rows)));
        return bench.read(out, rows);
    }

    /// The device has no operation that writes the tables, but rotating `(1, 0)` writes the cosine
    /// and the sine.
    private static void tables(
            Fixture fixture, Workbench bench, Comparison found, RotaryFrequencies frequencies) {
        if (!fixture.has("out.cos") || !fixture.has("out.sin")) {
            return;
        }
        int rows = fixture.dim("in.positions", 0);
        int dim = frequencies.dim();
        double[] ones = new double[rows * dim];
        for (int i = 0; i < ones.length; i += 2) {
            ones[i] = 1;
        }
        Rope unit =
                Rope.of(bench.bound(rows), 1, dim, frequencies, bench.storage())
                        .withTypes(bench.storage(), DType.F32);
        double[] rotated = rotate(fixture, bench, unit, ones);
        double[] cos = new double[ones.length / 2];
        double[] sin = new double[ones.length / 2];
        for (int i = 0; i < cos.length; i++) {
            cos[i] = rotated[2 * i];
            sin[i] = rotated[2 * i + 1];
        }
        found.close("out.cos", fixture.doubles("out.cos"), cos);
        found.close("out.sin", fixture.doubles("out.sin"), sin);
    }
}
