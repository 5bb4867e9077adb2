package dev.halcyon.tck.verify;

import dev.halcyon.hal.kernel.optimizer.AdamWStep;
import dev.halcyon.hal.kernel.optimizer.Coefficients;
import dev.halcyon.hal.kernel.optimizer.MuonStep;
import dev.halcyon.hal.kernel.optimizer.NewtonSchulz;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.tck.fixture.Fixture;

import java.util.Arrays;

/// Newton-Schulz, Muon and AdamW.
///
/// A BF16 run keeps gradients, momenta and moments in BF16 and the parameters in F32, as training
/// does: parameters in BF16 would lose updates that are smaller than their last bit.
final class OptimizerCheck {
    /// What a BF16 Newton-Schulz iteration is allowed; the order of its sums is not fixed.
    private static final double BF16_TOLERANCE = 3e-2;

    private OptimizerCheck() {}

    static void newtonSchulz(Fixture fixture, Workbench bench, Comparison found) {
        int[] shape = fixture.shape("in.G");
        int rows = fixture.dim("in.G", -2);
        int columns = fixture.dim("in.G", -1);
        int matrices =
                shape.length == 2
                        ? 1
                        : Arrays.stream(shape, 0, shape.length - 2).reduce(1, (a, b) -> a * b);
        long[] dims =
                shape.length == 2
                        ? new long[] {rows, columns}
                        : new long[] {matrices, rows, columns};
        Coefficients step =
                new Coefficients(fixture.number("a"), fixture.number("b"), fixture.number("c"));
        NewtonSchulz spec =
                NewtonSchulz.of(rows, columns)
                        .withMatrices(matrices)
                        .withSteps(Coefficients.repeat(step, fixture.integer("steps")))
                        .withNorm(NewtonSchulz.NormRule.ADD_EPSILON, fixture.number("eps"))
                        .withTypes(bench.storage(), DType.F32, bench.storage());
        Tensor x = bench.weight(fixture.doubles("in.G"), dims);
        Tensor out = bench.unfilledPlain(bench.storage(), dims);
        bench.run(spec, NewtonSchulz.Args.of(x, out));
        double[] expected = fixture.doubles("out.X");
        double[] actual = bench.read(out);
        if (bench.storage() == DType.F32
                && isNoWorseThanReference(fixture, expected, actual, found)) {
            found.note("excused, for the reference code in fp32 (info.X_fp32) is off as far");
            actual = expected;
        }
        found.close("out.X", expected, actual);
    }

    /// A matrix of low rank has singular values that are nothing but rounding errors, and the
    /// iteration multiplies them by several hundred. What the reference code makes of that in fp32
    /// says how well the result is defined there.
    private static boolean isNoWorseThanReference(
            Fixture fixture, double[] expected, double[] actual, Comparison found) {
        if (!fixture.has("info.X_fp32")) {
            return false;
        }
        double reference =
                Discrepancy.of("", expected, fixture.doubles("info.X_fp32"), found.tolerance())
                        .error();
        double error = Discrepancy.of("", expected, actual, found.tolerance()).error();
        return error > found.tolerance()
                && reference > found.tolerance() / 2
                && error <= 2 * reference;
    }

    static void muon(Fixture fixture, Workbench bench, Comparison found) {
        int steps = fixture.dim("in.grads", 0);
        int rows = fixture.dim("in.param", 0);
        int columns = fixture.dim("in.param", 1);
        boolean exactIteration = fixture.text("compute_dtype").startsWith("float64");
        MuonStep base =
                switch (fixture.text("variant")) {
                    case "keller" -> MuonStep.kellerJordan(rows, columns);
                    case "moonlight" -> MuonStep.moonlight(rows, columns);
                    default -> throw unknownVariant(fixture);
                };
        Coefficients iteration = Coefficients.KELLER_JORDAN.getFirst();
        MuonStep spec =
                base.withMomentum(
                                base.momentum(),
                                fixture.number("momentum"),
                                fixture.flag("nesterov"))
                        .withNewtonSchulz(
                                base.newtonSchulz()
                                        .withSteps(
                                                Coefficients.repeat(
                                                        iteration, fixture.integer("ns_steps")))
                                        .withTypes(
                                                bench.storage(),
                                                exactIteration ? DType.F32 : DType.BF16,
                                                DType.F32))
                        .withTypes(DType.F32, bench.storage(), bench.storage());
        Tensor parameter = bench.tensor(DType.F32, fixture.doubles("in.param"), rows, columns);
        Tensor gradient = bench.unfilledPlain(bench.storage(), rows, columns);
        Tensor momentum = bench.weight(new double[rows * columns], rows, columns);
        MuonStep.Args args = MuonStep.Args.of(parameter, gradient, momentum, hyper(fixture, bench));
        double[] gradients = fixture.doubles("in.grads");
        Steps parameters = new Steps(steps, rows * columns);
        Steps momenta = new Steps(steps, rows * columns);
        for (int step = 0; step < steps; step++) {
            bench.write(gradient, parameters.of(gradients, step));
            bench.run(spec, args);
            parameters.put(step, bench.read(parameter));
            momenta.put(step, bench.read(momentum));
        }
        double allowed = exactIteration ? found.tolerance() : BF16_TOLERANCE;
        found.within("out.params", fixture.doubles("out.params"), parameters.all(), allowed);
        found.close("out.momentum", fixture.doubles("out.momentum"), momenta.all());
    }

    static void adamW(Fixture fixture, Workbench bench, Comparison found) {
        double[] initial = fixture.doubles("in.param");
        int steps = fixture.dim("in.grads", 0);
        int size = initial.length;
        AdamWStep base =
                switch (fixture.text("variant")) {
                    case "torch" -> AdamWStep.torch(bench.bound(size));
                    case "moonlight" -> AdamWStep.moonlight(bench.bound(size));
                    default -> throw unknownVariant(fixture);
                };
        AdamWStep spec =
                base.withConstants(
                                fixture.number("beta1"),
                                fixture.number("beta2"),
                                fixture.number("eps"))
                        .withTypes(DType.F32, bench.storage(), bench.storage());
        long[] dims = Arrays.stream(fixture.shape("in.param")).asLongStream().toArray();
        Tensor parameter = bench.tensor(DType.F32, initial, dims);
        Tensor gradient = bench.unfilledPlain(bench.storage(), dims);
        Tensor first = bench.weight(new double[size], dims);
        Tensor second = bench.weight(new double[size], dims);
        Tensor count = bench.ints(0);
        AdamWStep.Args args =
                AdamWStep.Args.of(parameter, gradient, first, second, hyper(fixture, bench), count);
        double[] gradients = fixture.doubles("in.grads");
        Steps parameters = new Steps(steps, size);
        Steps firsts = new Steps(steps, size);
        Steps seconds = new Steps(steps, size);
        for (int step = 0; step < steps; step++) {
            bench.write(gradient, parameters.of(gradients, step));
            bench.write(count, step + 1);
            bench.run(spec, args);
            parameters.put(step, bench.read(parameter));
            firsts.put(step, bench.read(first));
            seconds.put(step, bench.read(second));
        }
        found.close("out.params", fixture.doubles("out.params"), parameters.all());
        found.close("out.exp_avg", fixture.doubles("out.exp_avg"), firsts.all());
        found.close("out.exp_avg_sq", fixture.doubles("out.exp_avg_sq"), seconds.all());
    }

    private static Tensor hyper(Fixture fixture, Workbench bench) {
        return bench.tensor(
                DType.F32, new double[] {fixture.number("lr"), fixture.number("weight_decay")}, 2);
    }

    private static IllegalArgumentException unknownVariant(Fixture fixture) {
        return new IllegalArgumentException(
                "variant is '" + fixture.text("variant") + "', which no spec is");
    }

    /// A tensor after each step.
    private static final class Steps {
        private final int size;
        private final double[] all;

        Steps(int steps, int size) {
            this.size = size;
            this.all = new double[steps * size];
        }

        double[] of(double[] values, int step) {
            return Arrays.copyOfRange(values, step * size, (step + 1) * size);
        }

        void put(int step, double[] values) {
            System.arraycopy(values, 0, all, step * size, size);
        }

        double[] all() {
            return all;
        }
    }
}
