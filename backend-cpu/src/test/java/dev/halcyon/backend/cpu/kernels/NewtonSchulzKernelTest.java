package dev.halcyon.backend.cpu.kernels;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Plan;
import dev.halcyon.hal.Stream;
import dev.halcyon.hal.Support;
import dev.halcyon.hal.error.UnsupportedKernelException;
import dev.halcyon.hal.kernel.optimizer.Coefficients;
import dev.halcyon.hal.kernel.optimizer.NewtonSchulz;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.Operand;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.TensorList;
import dev.halcyon.hal.memory.Workspace;
import dev.halcyon.tck.fixture.Fixture;
import dev.halcyon.tck.fixture.FixtureSet;
import dev.halcyon.tck.oracle.NewtonSchulz.NormRule;

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

/// Orthogonalisation against the published results, the oracle in double, and laws.
class NewtonSchulzKernelTest {
    private static final double F32_TOLERANCE = 2e-5;

    private RowBench bench;

    @BeforeEach
    void open() {
        bench = RowBench.open(2);
    }

    @AfterEach
    void close() {
        bench.close();
    }

    /// An iteration that keeps F32 between products.
    private static NewtonSchulz f32(int rows, int columns) {
        return NewtonSchulz.of(rows, columns).withTypes(DType.F32, DType.F32, DType.F32);
    }

    /// Runs in a workspace full of NaN, twice, because nothing may be left over from the first run.
    private static void run(
            RowBench bench, NewtonSchulz spec, Operand x, Operand out, Limits limits) {
        try (DeviceArena arena = bench.device().arena("run");
                Stream stream = bench.device().stream("run")) {
            Plan<NewtonSchulz.Args> plan = bench.device().plan(spec, limits);
            Workspace workspace = bench.device().workspace(arena, plan);
            workspace.storage().segment().fill((byte) 0xff);
            var launch = plan.bind(arena, NewtonSchulz.Args.of(x, out), workspace);
            stream.submit(launch);
            stream.submit(launch);
            stream.synchronize();
        }
    }

    private static Tensor run(RowBench bench, NewtonSchulz spec, Tensor x) {
        Tensor out = bench.empty(spec.out(), x.shape().toArray());
        run(bench, spec, x, out, Limits.NONE);
        return out;
    }

    private Tensor run(NewtonSchulz spec, Tensor x) {
        return run(bench, spec, x);
    }

    /// What the oracle makes of a matrix, or of each of a stack.
    private double[] expected(NewtonSchulz spec, Tensor x) {
        List<dev.halcyon.tck.oracle.Coefficients> steps =
                spec.steps().stream()
                        .map(
                                step ->
                                        new dev.halcyon.tck.oracle.Coefficients(
                                                step.a(), step.b(), step.c()))
                        .toList();
        NormRule rule =
                spec.norm() == NewtonSchulz.NormRule.ADD_EPSILON
                        ? NormRule.ADD_EPS
                        : NormRule.CLAMP_MIN;
        return new dev.halcyon.tck.oracle.NewtonSchulz(steps, rule, spec.epsilon())
                .applyBatch(bench.read(x), spec.matrices(), spec.rows(), spec.columns());
    }

    private String implementation(NewtonSchulz spec) {
        Support support = bench.device().supports(spec);
        return assertInstanceOf(Support.Native.class, support).implementation().name();
    }

    /// A matrix whose singular values lie between 0.5 and 1.5, so that rounding is not blown up by
    /// a near-kernel.
    private static Tensor wellConditioned(
            RowBench bench, DType dtype, int matrices, int rows, int columns) {
        int n = Math.min(rows, columns);
        double[] values = new double[matrices * rows * columns];
        for (int i = 0; i < values.length; i++) {
            int row = i / columns % rows;
            int column = i % columns;
            double noise =
                    0.25 * bench.random().nextGaussian() / Math.sqrt(Math.max(rows, columns));
            values[i] = noise + (row % n == column % n && row / n + column / n == 0 ? 1 : 0);
        }
        return matrices == 1
                ? bench.of(dtype, values, rows, columns)
                : bench.of(dtype, values, matrices, rows, columns);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "f01_ns_square",
                "f02_ns_tall",
                "f03_ns_wide",
                "f04_ns_batched",
                "f05_ns_row",
                "f06_ns_lowrank",
                "f07_ns_zero",
                "f08_ns_tiny",
                "f09_ns_1step"
            })
    void givesThePublishedResults(String name) {
        Fixture fixture = FixtureSet.bundled().named(name);
        int[] shape = fixture.shape("in.G");
        int rows = shape[shape.length - 2];
        int columns = shape[shape.length - 1];
        int matrices = shape.length == 3 ? shape[0] : 1;
        Coefficients step =
                new Coefficients(fixture.number("a"), fixture.number("b"), fixture.number("c"));
        NewtonSchulz spec =
                f32(rows, columns)
                        .withMatrices(matrices)
                        .withSteps(Coefficients.repeat(step, fixture.integer("steps")))
                        .withNorm(NewtonSchulz.NormRule.ADD_EPSILON, fixture.number("eps"));
        long[] dims = Arrays.stream(shape).asLongStream().toArray();
        Tensor x = bench.of(DType.F32, fixture.doubles("in.G"), dims);
        double[] published = fixture.doubles("out.X");
        bench.assertClose(published, run(spec, x), F32_TOLERANCE);
        bench.assertClose(
                published, run(spec.withForm(NewtonSchulz.Form.GRAM), x), 5 * F32_TOLERANCE);
        if (!name.equals("f06_ns_lowrank")) {
            // The unmodified reference itself is 0.2 away there: rounding fills the kernel.
            NewtonSchulz narrow = spec.withTypes(DType.F32, DType.BF16, DType.F32);
            bench.assertClose(published, run(narrow, x), 6e-2);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "1, 1",
        "1, 2",
        "2, 1",
        "1, 700",
        "700, 1",
        "3, 3",
        "11, 12",
        "13, 12",
        "12, 13",
        "31, 33",
        "32, 32",
        "33, 31",
        "64, 65",
        "13, 37",
        "37, 13",
        "47, 48",
        "49, 48",
        "5, 1000",
        "1031, 7",
        "191, 200",
        "193, 193",
        "97, 400",
        "385, 97",
        "33, 1100",
        "2049, 35"
    })
    void agreesWithTheOracleForAnyShape(int rows, int columns) {
        Tensor x = wellConditioned(bench, DType.F32, 1, rows, columns);
        NewtonSchulz spec = f32(rows, columns);
        double[] expected = expected(spec, x);
        bench.assertClose(expected, run(spec, x), F32_TOLERANCE);
        bench.assertClose(expected, run(spec.withForm(NewtonSchulz.Form.GRAM), x), F32_TOLERANCE);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4, 5})
    void gramFormTakesTheSameSteps(int count) {
        Tensor x = wellConditioned(bench, DType.F32, 1, 19, 60);
        NewtonSchulz spec =
                f32(19, 60)
                        .withSteps(Coefficients.polarExpress(count, 1.01))
                        .withForm(NewtonSchulz.Form.GRAM);
        assertEquals("newton-schulz.gram", implementation(spec));
        bench.assertClose(expected(spec, x), run(spec, x), F32_TOLERANCE);
    }

    @Test
    void endsOrthogonal() {
        NewtonSchulz spec = f32(40, 96).withSteps(Coefficients.DEEPSEEK_V4);
        Tensor x = bench.normal(DType.F32, 40, 96);
        double[] q = bench.read(run(spec, x));
        for (int i = 0; i < 40; i++) {
            for (int j = 0; j < 40; j++) {
                double dot = 0;
                for (int k = 0; k < 96; k++) {
                    dot += q[i * 96 + k] * q[j * 96 + k];
                }
                // Singular values end between 1 and 1.0006.
                assertEquals(i == j ? 1 : 0, dot, 1.3e-3, "rows " + i + " and " + j);
            }
        }
    }

    /// Storage between products may cost what exact sums lose to it as well, and nothing beyond.
    @ParameterizedTest
    @CsvSource({
        "24, 40, PLAIN, F32",
        "24, 40, PLAIN, BF16",
        "24, 40, PLAIN, F16",
        "24, 40, GRAM, F32",
        "24, 40, GRAM, BF16",
        "24, 40, GRAM, F16",
        "40, 24, PLAIN, BF16",
        "40, 24, GRAM, F16",
        "30, 30, PLAIN, F32",
        "30, 30, PLAIN, BF16"
    })
    void losesNoMoreThanStorageDoes(int rows, int columns, NewtonSchulz.Form form, DType compute) {
        for (List<Coefficients> steps : List.of(Coefficients.KELLER_JORDAN, Coefficients.YOU)) {
            NewtonSchulz spec =
                    NewtonSchulz.of(rows, columns)
                            .withSteps(steps)
                            .withForm(form)
                            .withTypes(DType.F32, compute, DType.F32);
            Tensor x = bench.normal(DType.BF16, rows, columns);
            Tensor wider = bench.of(DType.F32, bench.read(x), rows, columns);
            double[] exact = expected(spec, x);
            double lost = rootMeanSquare(exact, rounded(spec, bench.read(x)));
            double error = rootMeanSquare(exact, bench.read(run(spec, wider)));
            // Sums in F32 are part of the specification too; they matter only where F32 is what is
            // stored.
            double sums = compute == DType.F32 ? 5e-6 : 1e-4;
            assertTrue(error <= 1.3 * lost + sums, "error " + error + ", exact sums lose " + lost);
        }
    }

    private static double[] rounded(NewtonSchulz spec, double[] values) {
        double[][] matrix = new double[spec.rows()][];
        for (int i = 0; i < matrix.length; i++) {
            matrix[i] = Arrays.copyOfRange(values, i * spec.columns(), (i + 1) * spec.columns());
        }
        boolean tall = spec.rows() > spec.columns();
        double[][] wide = tall ? RoundedNewtonSchulz.transposed(matrix) : matrix;
        double[][] out = new RoundedNewtonSchulz(spec).apply(wide);
        return Arrays.stream(tall ? RoundedNewtonSchulz.transposed(out) : out)
                .flatMapToDouble(Arrays::stream)
                .toArray();
    }

    private static double rootMeanSquare(double[] a, double[] b) {
        double sum = 0;
        for (int i = 0; i < a.length; i++) {
            sum += (a[i] - b[i]) * (a[i] - b[i]);
        }
        return Math.sqrt(sum / a.length);
    }

    /// All sums here are exact in F32, so the result says where values were rounded.
    @Test
    void roundsToBf16BetweenProducts() {
        double[] values = {4, -8, 2, 6, -10, 6};
        // The squares add up to 256: X is these values / 16.
        Tensor x = bench.of(DType.F32, values, 2, 3);
        Coefficients step = new Coefficients(3, -1.5, 0.75);
        NewtonSchulz spec =
                NewtonSchulz.of(2, 3)
                        .withSteps(List.of(step))
                        .withNorm(NewtonSchulz.NormRule.CLAMP_MIN, 0);
        double[][] s = new double[2][2];
        double[][] y = new double[2][2];
        for (int i = 0; i < 2; i++) {
            for (int j = 0; j < 2; j++) {
                for (int k = 0; k < 3; k++) {
                    s[i][j] += values[i * 3 + k] * values[j * 3 + k] / 256;
                }
                s[i][j] = bf16(s[i][j]);
            }
        }
        for (int i = 0; i < 2; i++) {
            for (int j = 0; j < 2; j++) {
                y[i][j] =
                        bf16(
                                step.b() * s[i][j]
                                        + step.c() * (s[i][0] * s[0][j] + s[i][1] * s[1][j]));
            }
        }
        double[] expected = new double[6];
        for (int i = 0; i < 6; i++) {
            int row = i / 3;
            int k = i % 3;
            expected[i] =
                    bf16(
                            (step.a() * values[i]
                                            + y[row][0] * values[k]
                                            + y[row][1] * values[3 + k])
                                    / 16);
        }
        assertArrayEquals(expected, bench.read(run(spec, x)));
        Tensor turned = bench.of(DType.F32, transposed(values, 2, 3), 3, 2);
        NewtonSchulz tall = NewtonSchulz.of(3, 2).withSteps(spec.steps()).withNorm(spec.norm(), 0);
        assertArrayEquals(transposed(expected, 2, 3), bench.read(run(tall, turned)));
    }

    private static double bf16(double value) {
        float narrow = (float) value;
        assertEquals(value, narrow, "the test's own numbers must be exact in F32");
        int bits = Float.floatToIntBits(narrow);
        return Float.intBitsToFloat((bits + 0x7fff + (bits >>> 16 & 1)) & 0xffff0000);
    }

    private static double[] transposed(double[] values, int rows, int columns) {
        double[] turned = new double[values.length];
        for (int i = 0; i < values.length; i++) {
            turned[i % columns * rows + i / columns] = values[i];
        }
        return turned;
    }

    @ParameterizedTest
    @CsvSource({
        "BF16, F32, F32",
        "F32, F32, BF16",
        "BF16, BF16, BF16",
        "F16, F32, F16",
        "F16, F16, BF16"
    })
    void takesAnyOperandTypes(DType in, DType compute, DType out) {
        for (int[] shape : new int[][] {{21, 34}, {34, 21}}) {
            Tensor x = wellConditioned(bench, in, 1, shape[0], shape[1]);
            NewtonSchulz spec = NewtonSchulz.of(shape[0], shape[1]).withTypes(in, compute, out);
            double tolerance =
                    compute == DType.F32 ? RowBench.tolerance(out) + F32_TOLERANCE : 5e-2;
            bench.assertClose(expected(spec, x), run(spec, x), tolerance);
        }
    }

    @ParameterizedTest
    @CsvSource({"5, 13, 37, PLAIN", "5, 37, 13, GRAM", "2, 130, 140, PLAIN", "9, 130, 140, PLAIN"})
    void batchesGiveTheBitsOfSingleMatrices(
            int matrices, int rows, int columns, NewtonSchulz.Form form) {
        Tensor stack = wellConditioned(bench, DType.F32, matrices, rows, columns);
        NewtonSchulz spec = f32(rows, columns).withForm(form).withMatrices(matrices);
        Tensor together = run(spec, stack);
        bench.assertClose(expected(spec, stack), together, F32_TOLERANCE);
        List<Tensor> outs = new ArrayList<>();
        List<Tensor> ins = new ArrayList<>();
        for (int i = 0; i < matrices; i++) {
            assertArrayEquals(
                    bench.bytes(run(spec.withMatrices(1), stack.get(i))),
                    bench.bytes(together.get(i)),
                    "matrix " + i);
            ins.add(stack.get(matrices - 1 - i));
            outs.add(bench.empty(DType.F32, rows, columns));
        }
        run(bench, spec, new TensorList(ins), new TensorList(outs), Limits.NONE);
        for (int i = 0; i < matrices; i++) {
            assertArrayEquals(
                    bench.bytes(together.get(i)),
                    bench.bytes(outs.get(matrices - 1 - i)),
                    "matrix " + i + " of a list");
        }
    }

    @Test
    void manySmallMatricesAreWorkedOnSideBySide() {
        assertEquals("newton-schulz.plain", implementation(f32(13, 37)));
        assertEquals("newton-schulz.plain.batch", implementation(f32(13, 37).withMatrices(2)));
        NewtonSchulz gram = f32(13, 37).withForm(NewtonSchulz.Form.GRAM).withMatrices(2);
        assertEquals("newton-schulz.gram.batch", implementation(gram));
        assertEquals("newton-schulz.plain", implementation(f32(200, 300).withMatrices(3)));
        assertEquals("newton-schulz.plain.batch", implementation(f32(200, 300).withMatrices(4)));
        assertEquals("newton-schulz.plain", implementation(f32(2000, 3000).withMatrices(4)));
        assertTrue(
                bench.device()
                        .implementations()
                        .containsAll(
                                List.of(
                                        "newton-schulz.plain",
                                        "newton-schulz.gram",
                                        "newton-schulz.plain.batch",
                                        "newton-schulz.gram.batch")));
    }

    @ParameterizedTest
    @CsvSource({
        "1, 210, 500, PLAIN, F32",
        "1, 500, 210, PLAIN, BF16",
        "1, 210, 500, GRAM, F32",
        "1, 70, 2100, GRAM, BF16",
        "17, 40, 70, PLAIN, BF16",
        "3, 40, 50, PLAIN, F32",
        "5, 150, 160, GRAM, BF16"
    })
    void threadsDoNotChangeBits(
            int matrices, int rows, int columns, NewtonSchulz.Form form, DType compute) {
        NewtonSchulz spec =
                NewtonSchulz.of(rows, columns)
                        .withMatrices(matrices)
                        .withForm(form)
                        .withTypes(DType.F32, compute, DType.F32);
        RowBench.sameBitsForAnyThreads(
                other ->
                        run(
                                other,
                                spec,
                                wellConditioned(other, DType.F32, matrices, rows, columns)));
    }

    @ParameterizedTest
    @EnumSource(NewtonSchulz.Form.class)
    void zeroStaysZero(NewtonSchulz.Form form) {
        for (DType compute : new DType[] {DType.F32, DType.BF16}) {
            for (NewtonSchulz.NormRule rule : NewtonSchulz.NormRule.values()) {
                NewtonSchulz spec =
                        NewtonSchulz.of(20, 33)
                                .withForm(form)
                                .withNorm(rule, 1e-7)
                                .withTypes(DType.F32, compute, DType.F32);
                Tensor x = bench.of(DType.F32, new double[20 * 33], 20, 33);
                for (double value : bench.read(run(spec, x))) {
                    assertEquals(0.0, value);
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(NewtonSchulz.NormRule.class)
    void epsilonGuardsTheNorm(NewtonSchulz.NormRule rule) {
        Tensor x = bench.normal(DType.F32, 9, 14);
        double norm = Math.sqrt(Arrays.stream(bench.read(x)).map(v -> v * v).sum());
        for (double epsilon : new double[] {norm / 2, norm, norm * 3}) {
            NewtonSchulz spec = f32(9, 14).withNorm(rule, epsilon);
            bench.assertClose(expected(spec, x), run(spec, x), F32_TOLERANCE);
        }
    }

    /// Squares of these leave the range of F32, some elements even its normal numbers.
    @ParameterizedTest
    @ValueSource(ints = {-140, -125, -100, -60, 60, 100, 125})
    void magnitudeDoesNotMatterWithoutEpsilon(int exponent) {
        for (int[] shape : new int[][] {{12, 40}, {40, 12}}) {
            Tensor x = bench.normal(DType.BF16, shape[0], shape[1]);
            double[] values = bench.read(x);
            double scale = Math.scalb(1.0, exponent);
            double[] scaled = Arrays.stream(values).map(v -> (float) (v * scale)).toArray();
            Tensor far = bench.of(DType.F32, scaled, shape[0], shape[1]);
            NewtonSchulz spec =
                    f32(shape[0], shape[1]).withNorm(NewtonSchulz.NormRule.ADD_EPSILON, 0);
            bench.assertClose(expected(spec, far), run(spec, far), F32_TOLERANCE);
        }
    }

    @ParameterizedTest
    @ValueSource(doubles = {Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY})
    void whatIsNotFiniteStaysInItsMatrix(double value) {
        for (NewtonSchulz.Form form : NewtonSchulz.Form.values()) {
            Tensor stack = wellConditioned(bench, DType.F32, 3, 17, 40);
            NewtonSchulz spec = f32(17, 40).withMatrices(3).withForm(form);
            Tensor clean = run(spec, stack);
            bench.set(stack.get(1).slice(0, 5, 6).slice(1, 7, 8), number -> value);
            Tensor out = run(spec, stack);
            assertArrayEquals(bench.bytes(clean.get(0)), bench.bytes(out.get(0)));
            assertArrayEquals(bench.bytes(clean.get(2)), bench.bytes(out.get(2)));
            for (double element : bench.read(out.get(1))) {
                assertTrue(Double.isNaN(element), "an element next to " + value + " is " + element);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(NewtonSchulz.Form.class)
    void smallWorkspacesGiveTheSameBits(NewtonSchulz.Form form) {
        for (int matrices : new int[] {1, 6}) {
            NewtonSchulz spec = f32(61, 90).withForm(form).withMatrices(matrices);
            Tensor x = wellConditioned(bench, DType.F32, matrices, 61, 90);
            Tensor out = run(spec, x);
            Support.Declined declined =
                    assertInstanceOf(
                            Support.Declined.class,
                            bench.device().supports(spec, Limits.workspace(1000)));
            assertEquals(Support.Reason.WORKSPACE, declined.reason());
            long least = Long.parseLong(declined.whatWouldWork().replaceAll("[^0-9]", ""));
            Limits tight = Limits.workspace(least);
            assertTrue(least < bench.device().plan(spec).workspaceBytes(), "nothing was saved");
            assertFalse(bench.device().supports(spec, Limits.workspace(least - 1)).isNative());
            Tensor again = bench.empty(DType.F32, x.shape().toArray());
            run(bench, spec, x, again, tight);
            assertArrayEquals(bench.bytes(out), bench.bytes(again));
        }
    }

    @Test
    void declinesWhatItWouldRound() {
        NewtonSchulz spec = NewtonSchulz.of(4, 4).withTypes(DType.F64, DType.F32, DType.F32);
        UnsupportedKernelException declined =
                assertThrows(UnsupportedKernelException.class, () -> bench.device().plan(spec));
        assertTrue(String.valueOf(declined.getMessage()).contains("F64"), declined.getMessage());
    }
}
