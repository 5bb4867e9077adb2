package dev.halcyon.tck.conformance;

import static dev.halcyon.hal.memory.DType.BF16;
import static dev.halcyon.hal.memory.DType.F32;

import dev.halcyon.hal.kernel.optimizer.AdamWStep;
import dev.halcyon.hal.kernel.optimizer.Coefficients;
import dev.halcyon.hal.kernel.optimizer.MuonStep;
import dev.halcyon.hal.kernel.optimizer.MuonUpdate;
import dev.halcyon.hal.kernel.optimizer.NewtonSchulz;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.WeightFormat;

import java.util.ArrayList;
import java.util.List;

/// Cases of optimizer steps: tall, wide, square and single-row matrices, alone, stacked and listed.
final class OptimizerCases {
    private static final int[][] MATRICES = {
        {1, 1}, {16, 16}, {48, 20}, {13, 37}, {1, 9}, {9, 1}, {33, 65}
    };

    private final List<ConformanceCase> cases = new ArrayList<>();

    private OptimizerCases() {}

    static List<ConformanceCase> all() {
        OptimizerCases all = new OptimizerCases();
        for (int[] shape : MATRICES) {
            all.iterations(shape[0], shape[1]);
            all.steps(shape[0], shape[1]);
        }
        all.adamW();
        return all.cases;
    }

    private void iterations(int rows, int columns) {
        NewtonSchulz plain = NewtonSchulz.of(rows, columns).withTypes(F32, F32, F32);
        iteration("F32", plain, false);
        iteration("F32 Gram", plain.withForm(NewtonSchulz.Form.GRAM), false);
        iteration("F32 ten steps", plain.withSteps(Coefficients.DEEPSEEK_V4), false);
        iteration("F32 clamped norm", plain.withNorm(NewtonSchulz.NormRule.CLAMP_MIN, 1e-7), false);
        iteration("F32 stack", plain.withMatrices(3), false);
        iteration("F32 Gram stack", plain.withForm(NewtonSchulz.Form.GRAM).withMatrices(2), false);
        iteration("BF16 list", plain.withMatrices(2).withTypes(BF16, F32, BF16), true);
        NewtonSchulz rounded = NewtonSchulz.of(rows, columns).withTypes(F32, BF16, F32);
        iteration("BF16 between products", rounded, false);
        iteration("BF16 between products, stack", rounded.withMatrices(3), false);
        NewtonSchulz roundedGram =
                rounded.withForm(NewtonSchulz.Form.GRAM).withTypes(BF16, BF16, BF16);
        iteration("BF16 between products, Gram", roundedGram, false);
        iteration("BF16 between products, Gram list", roundedGram.withMatrices(2), true);
    }

    private void iteration(String what, NewtonSchulz spec, boolean listed) {
        cases.add(
                ProblemCase.of(
                        "NewtonSchulz",
                        spec.rows() + "x" + spec.columns() + " " + what,
                        1,
                        s -> {
                            long[] dims = dims(spec, listed);
                            return Problem.of(spec, s)
                                    .weight(
                                            "x",
                                            format(spec.in(), listed),
                                            matrices(s, spec, "x"),
                                            dims)
                                    .outWeight("out", format(spec.out(), listed), dims)
                                    .chain(
                                            F32,
                                            spec.longSide(),
                                            spec.compute(),
                                            amplification(spec))
                                    .build();
                        }));
    }

    /// Each step multiplies what the steps before were off by as much as it multiplies a small
    /// singular value; of the matrix as a whole, which has larger ones too, a fraction of that
    /// remains.
    private static int amplification(NewtonSchulz spec) {
        return 4 * spec.steps().size();
    }

    /// A strong diagonal keeps the singular values apart from zero, where a rounding error would be
    /// multiplied by every step.
    private static double[] matrices(Setting s, NewtonSchulz spec, String operand) {
        int size = spec.rows() * spec.columns();
        double[] values = s.normal(operand, (long) spec.matrices() * size);
        for (int i = 0; i < values.length; i++) {
            int row = i % size / spec.columns();
            int column = i % spec.columns();
            values[i] = values[i] / Math.sqrt(spec.longSide()) + (row == column ? 2 : 0);
        }
        return values;
    }

    private static long[] dims(NewtonSchulz spec, boolean listed) {
        return spec.matrices() == 1 && !listed
                ? new long[] {spec.rows(), spec.columns()}
                : new long[] {spec.matrices(), spec.rows(), spec.columns()};
    }

    private static WeightFormat format(DType dtype, boolean listed) {
        WeightFormat format = WeightFormat.rowMajor(dtype);
        return listed ? format.listed() : format;
    }

    private void steps(int rows, int columns) {
        step("Keller Jordan", f32(MuonStep.kellerJordan(rows, columns)), false);
        step("Moonlight", f32(MuonStep.moonlight(rows, columns)), false);
        step("Kimi K2", f32(MuonStep.kimiK2(rows, columns)), false);
        step("DeepSeek-V4", f32(MuonStep.deepSeekV4(rows, columns)), false);
        MuonStep torch = MuonStep.torch(rows, columns);
        step("torch, BF16 between products", torch, false);
        step("torch, BF16 between products, stack", torch.withMatrices(2), false);
        step("torch, BF16 between products, Gram", gram(torch), false);
        step("torch, BF16 between products, Gram list", gram(torch).withMatrices(3), true);
        MuonStep moonlight = f32(MuonStep.moonlight(rows, columns));
        step("Moonlight stack", moonlight.withMatrices(2), false);
        step("Moonlight Gram", gram(moonlight), false);
        step("Moonlight Gram stack", gram(moonlight).withMatrices(2), false);
        MuonStep narrow = moonlight.withTypes(F32, BF16, BF16);
        step("Moonlight list, BF16 gradients and momenta", narrow.withMatrices(3), true);
        update(rows, columns);
    }

    private static MuonStep gram(MuonStep step) {
        return step.withNewtonSchulz(step.newtonSchulz().withForm(NewtonSchulz.Form.GRAM));
    }

    private static MuonStep f32(MuonStep step) {
        return step.withNewtonSchulz(step.newtonSchulz().withTypes(F32, F32, F32));
    }

    private void step(String what, MuonStep spec, boolean listed) {
        NewtonSchulz newtonSchulz = spec.newtonSchulz();
        String name = newtonSchulz.rows() + "x" + newtonSchulz.columns() + " " + what;
        DType between =
                Tolerance.unit(spec.buffer()) > Tolerance.unit(newtonSchulz.compute())
                        ? spec.buffer()
                        : newtonSchulz.compute();
        cases.add(
                ProblemCase.of(
                        "MuonStep",
                        name,
                        1,
                        s -> {
                            long[] dims = dims(newtonSchulz, listed);
                            return Problem.of(spec, s)
                                    .weight(
                                            "parameter",
                                            format(spec.parameter(), listed),
                                            matrices(s, newtonSchulz, "parameter"),
                                            dims)
                                    .weight(
                                            "gradient",
                                            format(spec.gradient(), listed),
                                            matrices(s, newtonSchulz, "gradient"),
                                            dims)
                                    .weight(
                                            "momentum",
                                            format(spec.buffer(), listed),
                                            matrices(s, newtonSchulz, "momentum"),
                                            dims)
                                    .plain("hyper", F32, new double[] {0.02, 0.1}, 2)
                                    .chain(
                                            F32,
                                            newtonSchulz.longSide(),
                                            between,
                                            amplification(newtonSchulz))
                                    .terms(1)
                                    .build();
                        }));
    }

    private void update(int rows, int columns) {
        MuonUpdate spec = MuonUpdate.of(f32(MuonStep.moonlight(rows, columns)));
        cases.add(
                ProblemCase.of(
                        "MuonUpdate",
                        rows + "x" + columns,
                        1,
                        s ->
                                Problem.of(spec, s)
                                        .plain(
                                                "parameter",
                                                F32,
                                                s.normal("parameter", (long) rows * columns),
                                                rows,
                                                columns)
                                        .plain(
                                                "direction",
                                                F32,
                                                s.normal("direction", (long) rows * columns),
                                                rows,
                                                columns)
                                        .plain("hyper", F32, new double[] {0.02, 0.1}, 2)
                                        .sums(F32, 1)
                                        .terms(1)
                                        .build()));
    }

    private void adamW() {
        for (int elements : new int[] {1, 17, 64, 4099}) {
            adamW(elements, "torch", AdamWStep.torch(elements), 1, false);
            adamW(elements, "Moonlight", AdamWStep.moonlight(elements + 3), 7, false);
            adamW(
                    elements,
                    "BF16 state",
                    AdamWStep.torch(elements).withTypes(F32, BF16, BF16),
                    100,
                    false);
            adamW(
                    elements,
                    "BF16 parameters",
                    AdamWStep.torch(elements).withTypes(BF16, BF16, F32),
                    3,
                    false);
            adamW(elements, "list", AdamWStep.deepSeekV4(3 * elements), 2, true);
        }
    }

    private void adamW(int elements, String what, AdamWStep spec, int step, boolean listed) {
        int matrices = listed ? 3 : 1;
        long[] dims = listed ? new long[] {3, elements, 1} : new long[] {elements};
        cases.add(
                ProblemCase.of(
                        "AdamWStep",
                        elements + " " + what,
                        1,
                        s -> {
                            long n = (long) matrices * elements;
                            return Problem.of(spec, s)
                                    .weight(
                                            "parameter",
                                            format(spec.parameter(), listed),
                                            s.normal("parameter", n),
                                            dims)
                                    .weight(
                                            "gradient",
                                            format(spec.gradient(), listed),
                                            s.normal("gradient", n),
                                            dims)
                                    .weight(
                                            "firstMoment",
                                            format(spec.moments(), listed),
                                            s.normal("firstMoment", n, 0.1),
                                            dims)
                                    .weight(
                                            "secondMoment",
                                            format(spec.moments(), listed),
                                            s.uniform("secondMoment", n, 0.01, 1),
                                            dims)
                                    .plain("hyper", F32, new double[] {0.01, 0.1}, 2)
                                    .ints("step", new int[] {step}, 1)
                                    .sums(F32, 1)
                                    .terms(0.1)
                                    .build();
                        }));
    }
}
