package dev.halcyon.backend.cpu.kernels;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.halcyon.hal.kernel.attention.QkClip;
import dev.halcyon.hal.kernel.optimizer.AdamWStep;
import dev.halcyon.hal.kernel.optimizer.MuonUpdate;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.TensorList;
import dev.halcyon.tck.oracle.AdamW;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

import java.util.List;

/// Updates of parameters against the oracle and plain loops in double.
class OptimizerKernelsTest {
    private static final float RATE = 0.003f;
    private static final float DECAY = 0.1f;

    private RowBench bench;

    @BeforeEach
    void open() {
        bench = RowBench.open(2);
    }

    @AfterEach
    void close() {
        bench.close();
    }

    @ParameterizedTest
    @CsvSource({
        "TORCH,1",
        "TORCH,17",
        "TORCH,1025",
        "TORCH,40000",
        "MOONLIGHT,1000",
        "MOONLIGHT,16385"
    })
    void adamWFollowsTheOracleForSomeSteps(AdamWStep.Form form, int n) {
        AdamWStep spec =
                (form == AdamWStep.Form.TORCH ? AdamWStep.torch(n) : AdamWStep.moonlight(n));
        AdamW oracle =
                new AdamW(
                        spec.beta1(),
                        spec.beta2(),
                        spec.epsilon(),
                        DECAY,
                        form == AdamWStep.Form.TORCH
                                ? AdamW.EpsPlace.AFTER_CORRECTION
                                : AdamW.EpsPlace.BEFORE_CORRECTION);
        Tensor parameter = bench.normal(DType.F32, n);
        Tensor first = bench.of(DType.F32, new double[n], n);
        Tensor second = bench.of(DType.F32, new double[n], n);
        AdamW.State state = AdamW.State.initial(bench.read(parameter));
        for (int step = 1; step <= 4; step++) {
            Tensor gradient = bench.normal(DType.F32, n);
            state = oracle.step(state, bench.read(gradient), RATE, step);
            bench.run(
                    spec,
                    new AdamWStep.Args(
                            parameter,
                            gradient,
                            first,
                            second,
                            bench.floats(RATE, DECAY),
                            bench.ints(step)));
            bench.assertClose(state.parameter(), parameter);
            bench.assertClose(state.firstMoment(), first);
            bench.assertClose(state.secondMoment(), second);
        }
    }

    @Test
    void adamWTakesListsAndNarrowTypes() {
        AdamWStep spec = AdamWStep.deepSeekV4(2 * 900).withTypes(DType.F32, DType.BF16, DType.BF16);
        Tensor a = bench.normal(DType.F32, 30, 30);
        Tensor b = bench.normal(DType.F32, 30, 30);
        Tensor g = bench.normal(DType.BF16, 30, 30);
        Tensor h = bench.normal(DType.BF16, 30, 30);
        Tensor zeros = bench.of(DType.BF16, new double[1800], 2, 30, 30);
        Tensor zeros2 = bench.of(DType.BF16, new double[1800], 2, 30, 30);
        AdamW oracle = new AdamW(0.9, 0.95, 1e-20, DECAY, AdamW.EpsPlace.AFTER_CORRECTION);
        AdamW.State first = oracle.step(AdamW.State.initial(bench.read(a)), bench.read(g), RATE, 1);
        AdamW.State second =
                oracle.step(AdamW.State.initial(bench.read(b)), bench.read(h), RATE, 1);
        bench.run(
                spec,
                new AdamWStep.Args(
                        new TensorList(List.of(a, b)),
                        new TensorList(List.of(g, h)),
                        new TensorList(List.of(zeros.get(0), zeros.get(1))),
                        new TensorList(List.of(zeros2.get(0), zeros2.get(1))),
                        bench.floats(RATE, DECAY),
                        bench.ints(1)));
        bench.assertClose(first.parameter(), a);
        bench.assertClose(second.parameter(), b);
        bench.assertClose(second.firstMoment(), zeros.get(1));
        bench.assertClose(second.secondMoment(), zeros2.get(1));
    }

    @Test
    void adamWBeforeTheFirstStepTouchesNothingAndFaults() {
        Tensor parameter = bench.normal(DType.F32, 5);
        double[] before = bench.read(parameter);
        Tensor moments = bench.of(DType.F32, new double[10], 2, 5);
        bench.runFaulty(
                AdamWStep.torch(5),
                new AdamWStep.Args(
                        parameter,
                        bench.normal(DType.F32, 5),
                        moments.get(0),
                        moments.get(1),
                        bench.floats(RATE, DECAY),
                        bench.ints(0)),
                "step[0] is 0");
        assertArrayEquals(before, bench.read(parameter));
        assertArrayEquals(new double[10], bench.read(moments));
    }

    @ParameterizedTest
    @EnumSource(names = {"F32", "BF16"})
    void muonUpdateDecaysAndSteps(DType direction) {
        MuonUpdate spec = new MuonUpdate(2, 70, 300, 1.7, DType.F32, direction);
        Tensor a = bench.normal(DType.F32, 70, 300);
        Tensor b = bench.normal(DType.F32, 70, 300);
        Tensor step = bench.normal(direction, 2, 70, 300);
        double[] expected = bench.read(b);
        double[] steps = bench.read(step.get(1));
        for (int i = 0; i < expected.length; i++) {
            expected[i] = expected[i] * (1 - (double) RATE * DECAY) - RATE * 1.7 * steps[i];
        }
        bench.run(
                spec,
                new MuonUpdate.Args(
                        new TensorList(List.of(a, b)), step, bench.floats(RATE, DECAY)));
        bench.assertClose(expected, b);
    }

    @Test
    void muonUpdateWithoutDecayAndDirectionKeepsBits() {
        Tensor a = bench.normal(DType.F32, 7, 9);
        double[] before = bench.read(a);
        bench.run(
                new MuonUpdate(1, 7, 9, 1, DType.F32, DType.F32),
                new MuonUpdate.Args(
                        a, bench.of(DType.F32, new double[63], 7, 9), bench.floats(RATE, 0)));
        assertArrayEquals(before, bench.read(a));
    }

    @Test
    void qkClipShrinksTheHeadsThatPassedTau() {
        int heads = 4;
        QkClip spec = QkClip.of(heads, 3, 2, 5, 1100, 12).withTau(8).withAlpha(0.25);
        Tensor query = bench.normalStrided(DType.F32, heads * 5, 1100);
        Tensor keyValue = bench.normalStrided(DType.F32, heads * 8, 12);
        double[] q = bench.read(query);
        double[] kv = bench.read(keyValue);
        double[] largest = {32, 8, Double.NEGATIVE_INFINITY, Double.NaN};
        double[] eta = {0.25, 1, 1, 1};
        for (int i = 0; i < q.length; i++) {
            int row = i / 1100;
            q[i] *= Math.pow(eta[row / 5], row % 5 < 3 ? 0.25 : 1);
        }
        for (int i = 0; i < kv.length; i++) {
            int row = i / 12;
            kv[i] *= row % 8 < 3 ? Math.pow(eta[row / 8], 0.75) : 1;
        }
        Tensor factors = bench.empty(DType.F32, heads);
        double[] untouched = bench.read(query.slice(0, 5, 20));
        bench.run(spec, QkClip.Args.of(query, keyValue, bench.floats(largest)).withEta(factors));
        bench.assertClose(q, query);
        bench.assertClose(kv, keyValue);
        assertArrayEquals(eta, bench.read(factors));
        assertArrayEquals(untouched, bench.read(query.slice(0, 5, 20)));
        bench.assertGapsAreNaN(query, 1100);
        assertEquals(1, bench.read(factors)[3]);
    }

    @Test
    void anyNumberOfThreadsGivesTheSameBits() {
        RowBench.sameBitsForAnyThreads(
                some -> {
                    Tensor parameter = some.normal(DType.F32, 100_000);
                    some.run(
                            AdamWStep.torch(100_000),
                            new AdamWStep.Args(
                                    parameter,
                                    some.normal(DType.F32, 100_000),
                                    some.normal(DType.F32, 100_000),
                                    some.of(DType.F32, new double[100_000], 100_000),
                                    some.floats(RATE, DECAY),
                                    some.ints(3)));
                    return parameter;
                });
    }
}
