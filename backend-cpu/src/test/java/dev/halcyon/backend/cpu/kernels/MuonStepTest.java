package dev.halcyon.backend.cpu.kernels;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.halcyon.hal.Launch;
import dev.halcyon.hal.Plan;
import dev.halcyon.hal.Stream;
import dev.halcyon.hal.Support;
import dev.halcyon.hal.kernel.optimizer.Coefficients;
import dev.halcyon.hal.kernel.optimizer.MuonStep;
import dev.halcyon.hal.kernel.optimizer.NewtonSchulz;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.Operand;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.TensorList;
import dev.halcyon.hal.memory.Workspace;
import dev.halcyon.tck.fixture.Fixture;
import dev.halcyon.tck.fixture.FixtureSet;
import dev.halcyon.tck.oracle.Muon;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/// Muon steps against the published results and the oracle in double.
class MuonStepTest {
    private static final double F32_TOLERANCE = 2e-5;
    private static final double BF16_TOLERANCE = 3e-2;
    private static final int STEPS = 3;

    private RowBench bench;

    @BeforeEach
    void open() {
        bench = RowBench.open(2);
    }

    @AfterEach
    void close() {
        bench.close();
    }

    /// Who published the step.
    enum Variant {
        KELLER_JORDAN,
        MOONLIGHT,
        TORCH,
        KIMI_K2,
        DEEPSEEK_V4;

        /// Between products the published steps keep BF16; F32 is what can be compared closely.
        MuonStep step(int rows, int columns) {
            MuonStep step =
                    switch (this) {
                        case KELLER_JORDAN -> MuonStep.kellerJordan(rows, columns);
                        case MOONLIGHT -> MuonStep.moonlight(rows, columns);
                        case TORCH -> MuonStep.torch(rows, columns);
                        case KIMI_K2 -> MuonStep.kimiK2(rows, columns);
                        case DEEPSEEK_V4 -> MuonStep.deepSeekV4(rows, columns);
                    };
            return step.withNewtonSchulz(
                    step.newtonSchulz().withTypes(DType.F32, DType.F32, DType.F32));
        }

        Muon rule(double decay) {
            return switch (this) {
                case KELLER_JORDAN -> Muon.kellerJordan(0.95, true, 5, decay);
                case MOONLIGHT -> Muon.moonlight(0.95, true, 5, decay);
                case TORCH -> Muon.torch(0.95, true, 5, new Muon.UpdateScale.TallRatio(), decay);
                case KIMI_K2 -> Muon.moonlight(0.95, false, 5, decay);
                case DEEPSEEK_V4 -> Muon.deepSeekV4(0.95, decay);
            };
        }
    }

    /// How the matrices of a step are handed over.
    enum Handing {
        ONE(1),
        STACK(3),
        LIST(3);

        private final int matrices;

        Handing(int matrices) {
            this.matrices = matrices;
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "f10_muon_keller",
                "f11_muon_keller_wide",
                "f12_muon_moonlight",
                "f13_muon_moonlight_wide",
                "f14_muon_keller_bf16",
                "f15_muon_moonlight_bf16"
            })
    void givesThePublishedResults(String name) {
        Fixture fixture = FixtureSet.bundled().named(name);
        int rows = fixture.dim("in.param", 0);
        int columns = fixture.dim("in.param", 1);
        int size = rows * columns;
        boolean exact = fixture.text("compute_dtype").startsWith("float64");
        MuonStep base =
                fixture.text("variant").equals("keller")
                        ? MuonStep.kellerJordan(rows, columns)
                        : MuonStep.moonlight(rows, columns);
        MuonStep spec =
                base.withMomentum(
                                base.momentum(),
                                fixture.number("momentum"),
                                fixture.flag("nesterov"))
                        .withNewtonSchulz(
                                base.newtonSchulz()
                                        .withSteps(
                                                Coefficients.repeat(
                                                        Coefficients.KELLER_JORDAN.getFirst(),
                                                        fixture.integer("ns_steps")))
                                        .withTypes(
                                                DType.F32,
                                                exact ? DType.F32 : DType.BF16,
                                                DType.F32));
        Tensor parameter = bench.of(DType.F32, fixture.doubles("in.param"), rows, columns);
        Tensor gradient = bench.empty(DType.F32, rows, columns);
        Tensor momentum = bench.of(DType.F32, new double[size], rows, columns);
        Tensor hyper = bench.floats(fixture.number("lr"), fixture.number("weight_decay"));
        double[] gradients = fixture.doubles("in.grads");
        double[] parameters = fixture.doubles("out.params");
        double[] momenta = fixture.doubles("out.momentum");
        double tolerance = exact ? F32_TOLERANCE : BF16_TOLERANCE;
        try (Steps steps =
                new Steps(bench, spec, MuonStep.Args.of(parameter, gradient, momentum, hyper))) {
            for (int i = 0; i < fixture.dim("in.grads", 0); i++) {
                int from = i * size;
                bench.set(gradient, number -> gradients[from + (int) number]);
                steps.next();
                bench.assertClose(
                        Arrays.copyOfRange(parameters, from, from + size), parameter, tolerance);
                bench.assertClose(
                        Arrays.copyOfRange(momenta, from, from + size), momentum, F32_TOLERANCE);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Variant.class)
    void agreesWithTheOracle(Variant variant) {
        for (Handing handing : Handing.values()) {
            for (int[] shape : new int[][] {{14, 33}, {33, 14}, {20, 20}, {1, 9}}) {
                MuonStep spec = variant.step(shape[0], shape[1]).withMatrices(handing.matrices);
                compare(spec, variant, handing, F32_TOLERANCE);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Variant.class)
    void takesNarrowTypes(Variant variant) {
        for (Handing handing : Handing.values()) {
            MuonStep step = variant.step(18, 50).withMatrices(handing.matrices);
            NewtonSchulz narrow = step.newtonSchulz().withTypes(DType.BF16, DType.BF16, DType.BF16);
            MuonStep spec =
                    step.withNewtonSchulz(narrow).withTypes(DType.F32, DType.BF16, DType.BF16);
            compare(spec, variant, handing, BF16_TOLERANCE);
            compare(
                    spec.withTypes(DType.BF16, DType.F32, DType.F32),
                    variant,
                    handing,
                    BF16_TOLERANCE);
        }
    }

    @ParameterizedTest
    @CsvSource({"NONE, 1", "SQRT_MAX_1_RATIO, 0.5", "SQRT_MAX, 1", "SQRT_RATIO, 2"})
    void scalesTheDirection(MuonStep.UpdateScale scale, double factor) {
        for (int[] shape : new int[][] {{6, 15}, {15, 6}}) {
            MuonStep spec = Variant.KIMI_K2.step(shape[0], shape[1]).withScale(scale, factor);
            Tensor parameter = bench.of(DType.F32, new double[90], shape[0], shape[1]);
            Tensor gradient = bench.normal(DType.F32, shape[0], shape[1]);
            Tensor momentum = bench.of(DType.F32, new double[90], shape[0], shape[1]);
            double[] orthogonal =
                    Muon.moonlight(0.95, false, 5, 0)
                            .orthogonalise()
                            .apply(bench.read(gradient), shape[0], shape[1]);
            bench.run(spec, MuonStep.Args.of(parameter, gradient, momentum, bench.floats(-1, 0)));
            double size =
                    factor
                            * switch (scale) {
                                case NONE -> 1;
                                case SQRT_MAX_1_RATIO ->
                                        Math.max(1, Math.sqrt((double) shape[0] / shape[1]));
                                case SQRT_MAX -> Math.sqrt(15);
                                case SQRT_RATIO -> Math.sqrt((double) shape[0] / shape[1]);
                            };
            double[] expected = Arrays.stream(orthogonal).map(v -> v * size).toArray();
            bench.assertClose(expected, parameter, F32_TOLERANCE);
        }
    }

    @Test
    void threadsDoNotChangeBits() {
        RowBench.sameBitsForAnyThreads(
                other -> {
                    MuonStep spec = MuonStep.moonlight(70, 130).withMatrices(4);
                    Tensor parameter = other.normal(DType.F32, 4, 70, 130);
                    Tensor gradient = other.normal(DType.F32, 4, 70, 130);
                    Tensor momentum = other.normal(DType.F32, 4, 70, 130);
                    other.run(
                            spec,
                            MuonStep.Args.of(
                                    parameter, gradient, momentum, other.floats(0.1, 0.1)));
                    return parameter;
                });
    }

    @Test
    void aListGivesTheBitsOfAStack() {
        MuonStep spec = MuonStep.deepSeekV4(25, 40).withMatrices(3);
        Tensor gradient = bench.normal(DType.F32, 3, 25, 40);
        double[] initial = bench.read(bench.normal(DType.F32, 3, 25, 40));
        Tensor hyper = bench.floats(0.02, 0.1);
        byte[][] results = new byte[2][];
        for (int i = 0; i < 2; i++) {
            Tensor parameter = bench.of(DType.F32, initial, 3, 25, 40);
            Tensor momentum = bench.of(DType.F32, initial, 3, 25, 40);
            bench.run(
                    spec,
                    i == 0
                            ? MuonStep.Args.of(parameter, gradient, momentum, hyper)
                            : MuonStep.Args.of(
                                    list(parameter), list(gradient), list(momentum), hyper));
            results[i] = bench.bytes(parameter);
        }
        assertArrayEquals(results[0], results[1]);
    }

    private static TensorList list(Tensor stack) {
        List<Tensor> matrices = new ArrayList<>();
        for (int i = 0; i < stack.dim(0); i++) {
            matrices.add(stack.get(i));
        }
        return new TensorList(matrices);
    }

    /// Takes some steps with one launch and changing gradients and learning rates.
    private void compare(MuonStep spec, Variant variant, Handing handing, double tolerance) {
        int rows = spec.newtonSchulz().rows();
        int columns = spec.newtonSchulz().columns();
        int matrices = handing.matrices;
        double decay = 0.125;
        Muon rule = variant.rule(decay);
        List<Tensor> parameters = new ArrayList<>();
        List<Tensor> gradients = new ArrayList<>();
        List<Tensor> momenta = new ArrayList<>();
        Muon.State[] states = new Muon.State[matrices];
        Tensor all =
                handing == Handing.LIST
                        ? null
                        : bench.normal(spec.parameter(), matrices, rows, columns);
        Tensor allGradients =
                all == null ? null : bench.empty(spec.gradient(), matrices, rows, columns);
        Tensor allMomenta =
                all == null ? null : bench.empty(spec.buffer(), matrices, rows, columns);
        for (int i = 0; i < matrices; i++) {
            parameters.add(
                    all == null ? bench.normal(spec.parameter(), rows, columns) : all.get(i));
            gradients.add(
                    allGradients == null
                            ? bench.empty(spec.gradient(), rows, columns)
                            : allGradients.get(i));
            momenta.add(
                    allMomenta == null
                            ? bench.empty(spec.buffer(), rows, columns)
                            : allMomenta.get(i));
            bench.set(momenta.get(i), number -> 0);
            states[i] = new Muon.State(bench.read(parameters.get(i)), new double[rows * columns]);
        }
        Tensor hyper = bench.floats(0, 0);
        MuonStep.Args args =
                MuonStep.Args.of(
                        operand(handing, parameters, all),
                        operand(handing, gradients, allGradients),
                        operand(handing, momenta, allMomenta),
                        hyper);
        try (Steps steps = new Steps(bench, spec, args)) {
            for (int step = 0; step < STEPS; step++) {
                double rate = 0.0625 / (1 + step);
                bench.set(hyper, number -> number == 0 ? rate : decay);
                for (int i = 0; i < matrices; i++) {
                    bench.set(gradients.get(i), number -> bench.random().nextGaussian());
                    states[i] =
                            rule.step(states[i], bench.read(gradients.get(i)), rows, columns, rate);
                }
                steps.next();
                for (int i = 0; i < matrices; i++) {
                    bench.assertClose(states[i].parameter(), parameters.get(i), tolerance);
                    double rounding = 2 * RowBench.tolerance(spec.buffer()) + F32_TOLERANCE;
                    bench.assertClose(states[i].momentum(), momenta.get(i), rounding);
                }
            }
        }
    }

    private static Operand operand(Handing handing, List<Tensor> matrices, @Nullable Tensor all) {
        return switch (handing) {
            case ONE -> matrices.getFirst();
            case STACK -> Objects.requireNonNull(all);
            case LIST -> new TensorList(matrices);
        };
    }

    /// One launch of a step in a workspace that is full of NaN before the first one.
    private static final class Steps implements AutoCloseable {
        private final DeviceArena arena;
        private final Stream stream;
        private final Launch launch;

        Steps(RowBench bench, MuonStep spec, MuonStep.Args args) {
            Support.Native support =
                    assertInstanceOf(Support.Native.class, bench.device().supports(spec));
            assertTrue(!support.lowered(), "no kernel of its own: " + support);
            assertTrue(
                    support.capturable() && support.numerics().reproducible(), support.toString());
            arena = bench.device().arena("steps");
            stream = bench.device().stream("steps");
            Plan<MuonStep.Args> plan = bench.device().plan(spec);
            Workspace workspace = bench.device().workspace(arena, plan);
            workspace.storage().segment().fill((byte) 0xff);
            launch = plan.bind(arena, args, workspace);
        }

        void next() {
            stream.submit(launch);
            stream.synchronize();
        }

        @Override
        public void close() {
            stream.close();
            arena.close();
        }
    }
}
