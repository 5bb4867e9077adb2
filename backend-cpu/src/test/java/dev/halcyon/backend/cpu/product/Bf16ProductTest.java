package dev.halcyon.backend.cpu.product;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import dev.halcyon.backend.cpu.nativecode.NativeLevel;
import dev.halcyon.backend.cpu.parallel.WorkerPool;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.WeightFormat;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;

/// Native BF16 products against plain loops in double, at every level that the machine has.
class Bf16ProductTest {
    private static final String LEVELS = "dev.halcyon.backend.cpu.nativecode.NativeLevels#present";

    private final Arena arena = Arena.ofConfined();
    private final Random random = new Random(7);
    private final WorkerPool pool = new WorkerPool(2);

    @AfterEach
    void close() {
        pool.close();
        arena.close();
    }

    /// A matrix of a type with a gap behind every row.
    private final class Matrix {
        final DType type;
        final int rows;
        final int columns;
        final int pitch;
        final MemorySegment memory;

        Matrix(DType type, int rows, int columns, int gap) {
            this.type = type;
            this.rows = rows;
            this.columns = columns;
            this.pitch = columns + gap;
            this.memory = arena.allocate(Math.max(1, type.bytes((long) rows * pitch)), 2);
            // Gaps hold NaNs: whoever reads them shows it.
            memory.fill((byte) 0xff);
            for (int i = 0; i < rows; i++) {
                for (int j = 0; j < columns; j++) {
                    set(i, j, random.nextFloat() * 2 - 1);
                }
            }
        }

        void set(int i, int j, float value) {
            Elements.set(type, memory, at(i, j), value);
        }

        double get(int i, int j) {
            return Elements.get(type, memory, at(i, j));
        }

        long at(int i, int j) {
            return type.bytes((long) i * pitch + j);
        }

        Matrices matrices() {
            return Matrices.of(type, memory, 0, pitch);
        }

        Matrix copy() {
            Matrix copy = new Matrix(type, rows, columns, pitch - columns);
            copy.memory.copyFrom(memory);
            return copy;
        }
    }

    private static ProductShape shape(int m, int n, int k, DType out) {
        return ProductShape.of(m, n, k, DType.BF16, WeightFormat.rowMajor(DType.BF16), out);
    }

    private void run(
            Bf16Plan plan, Matrix left, Weights right, Matrix addend, Matrix out, int m, int k) {
        MemorySegment workspace = arena.allocate(plan.workspaceBytes(), 64);
        workspace.fill((byte) 0xff);
        Bf16Product product =
                plan.bind(left.matrices(), right, addend.matrices(), out.matrices(), workspace);
        product.size(0, m, k);
        product.run();
    }

    private static void check(
            ProductShape shape,
            Matrix left,
            Matrix right,
            Matrix addend,
            Matrix out,
            int m,
            int k) {
        for (int i = 0; i < m; i++) {
            for (int j = 0; j < shape.columns(); j++) {
                double sum = 0;
                double magnitude = 0;
                for (int s = 0; s < k; s++) {
                    double a = shape.leftTransposed() ? left.get(s, i) : left.get(i, s);
                    double b = shape.rightTransposed() ? right.get(j, s) : right.get(s, j);
                    sum += a * b;
                    magnitude += Math.abs(a * b);
                }
                double old = shape.beta() == 0 ? 0 : shape.beta() * addend.get(i, j);
                double expected = shape.alpha() * sum + old;
                double rounding =
                        switch (shape.out()) {
                            case BF16 -> 0x1p-8;
                            case F16 -> 0x1p-11;
                            default -> 0x1p-23;
                        };
                double bound =
                        (k + 8) * 0x1p-24 * (Math.abs(shape.alpha()) * magnitude + Math.abs(old))
                                + rounding * Math.abs(expected)
                                + 1e-7;
                double actual = out.get(i, j);
                if (!(Math.abs(expected - actual) <= bound)) {
                    fail(
                            shape
                                    + " at "
                                    + i
                                    + ", "
                                    + j
                                    + ": expected "
                                    + expected
                                    + ", got "
                                    + actual);
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource(LEVELS)
    void multipliesMatricesOfEverySizeAndStorage(NativeLevel level) {
        int[][] sizes = {
            {1, 1, 1},
            {1, 32, 32},
            {2, 33, 31},
            {3, 5, 2},
            {7, 70, 65},
            {16, 64, 512},
            {17, 31, 513},
            {32, 32, 544},
            {33, 97, 1030},
            {65, 40, 1024},
            {130, 67, 600},
            {200, 300, 40},
            {530, 35, 33}
        };
        for (int[] size : sizes) {
            int m = size[0];
            int n = size[1];
            int k = size[2];
            for (int mask = 0; mask < 4; mask++) {
                boolean leftTransposed = (mask & 1) != 0;
                boolean rightTransposed = (mask & 2) != 0;
                Matrix a =
                        leftTransposed
                                ? new Matrix(DType.BF16, k, m, 3)
                                : new Matrix(DType.BF16, m, k, 5);
                Matrix b =
                        rightTransposed
                                ? new Matrix(DType.BF16, n, k, 1)
                                : new Matrix(DType.BF16, k, n, 2);
                Matrix out = new Matrix(DType.F32, m, n, 1);
                ProductShape shape =
                        shape(m, n, k, DType.F32).withTransposed(leftTransposed, rightTransposed);
                Bf16Plan plan = new Bf16Plan(shape, pool, level, Long.MAX_VALUE);
                Matrix before = out.copy();
                run(plan, a, Weights.of(b.matrices()), out, out, m, k);
                check(shape, a, b, out, out, m, k);
                checkGaps(before, out);
            }
        }
    }

    private static void checkGaps(Matrix before, Matrix after) {
        for (int i = 0; i < before.rows; i++) {
            for (int j = before.columns; j < before.pitch; j++) {
                long at = before.at(i, j);
                assertEquals(
                        before.memory.get(ValueLayout.JAVA_SHORT_UNALIGNED, at),
                        after.memory.get(ValueLayout.JAVA_SHORT_UNALIGNED, at));
            }
        }
    }

    /// {@return a matrix `[n, k]` in panels}
    private Weights panels(Matrix b) {
        PanelLayout layout = new PanelLayout(DType.BF16, 32, b.rows, b.columns);
        MemorySegment memory = arena.allocate(layout.matrixBytes(), 64);
        Weights panels =
                Weights.ofPanels(
                        WeightFormat.rowMajor(DType.BF16).withLayout("panel32"), memory, layout);
        PanelCopy copy = new PanelCopy(layout, Weights.of(b.matrices()), panels, true);
        for (int p = 0; p < layout.panels(); p++) {
            copy.move(0, p);
        }
        return panels;
    }

    @ParameterizedTest
    @MethodSource(LEVELS)
    void givesARowTheSameBitsInEveryCompanyAndStorage(NativeLevel level) {
        int n = 100;
        for (int k : new int[] {40, 63, 1100, 1537}) {
            int most = 300;
            Matrix a = new Matrix(DType.BF16, most, k, 4);
            Matrix b = new Matrix(DType.BF16, n, k, 0);
            Weights rows = Weights.of(b.matrices());
            Weights panels = panels(b);
            Matrix all = new Matrix(DType.F32, most, n, 0);
            run(
                    new Bf16Plan(shape(most, n, k, DType.F32), pool, level, Long.MAX_VALUE),
                    a,
                    rows,
                    all,
                    all,
                    most,
                    k);
            check(shape(most, n, k, DType.F32), a, b, all, all, most, k);
            for (int m : new int[] {1, 2, 15, 16, 17, 33, 64, 129, 250}) {
                for (int threads = 1; threads <= 3; threads += 2) {
                    try (WorkerPool other = new WorkerPool(threads)) {
                        Matrix out = new Matrix(DType.F32, m, n, 0);
                        WeightFormat packed =
                                WeightFormat.rowMajor(DType.BF16).withLayout("panel32");
                        boolean stored = (m & 1) == 0 || threads == 1;
                        ProductShape shape =
                                ProductShape.of(
                                        m,
                                        n,
                                        k,
                                        DType.BF16,
                                        stored ? packed : WeightFormat.rowMajor(DType.BF16),
                                        DType.F32);
                        Bf16Plan plan = new Bf16Plan(shape, other, level, 1 << 20);
                        run(plan, a, stored ? panels : rows, out, out, m, k);
                        assertArrayEquals(
                                all.memory
                                        .asSlice(0, out.memory.byteSize())
                                        .toArray(ValueLayout.JAVA_INT_UNALIGNED),
                                out.memory.toArray(ValueLayout.JAVA_INT_UNALIGNED),
                                level + " " + m + " rows, depth " + k);
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource(LEVELS)
    void scalesAddsAndRoundsToEveryType(NativeLevel level) {
        for (DType type : new DType[] {DType.F32, DType.BF16, DType.F16}) {
            Matrix a = new Matrix(DType.BF16, 45, 70, 0);
            Matrix b = new Matrix(DType.BF16, 83, 70, 0);
            Matrix addend = new Matrix(type, 45, 83, 9);
            Matrix out = new Matrix(type, 45, 83, 2);
            ProductShape shape = shape(45, 83, 70, type).withFactors(-0.5f, 2.25f);
            Bf16Plan plan = new Bf16Plan(shape, pool, level, Long.MAX_VALUE);
            run(plan, a, Weights.of(b.matrices()), addend, out, 45, 70);
            check(shape, a, b, addend, out, 45, 70);
            Matrix inPlace = addend.copy();
            run(plan, a, Weights.of(b.matrices()), inPlace, inPlace, 45, 70);
            check(shape, a, b, addend, inPlace, 45, 70);
            // An empty sum leaves the addend.
            run(plan, a, Weights.of(b.matrices()), addend, out, 45, 0);
            check(shape, a, b, addend, out, 45, 0);
        }
    }

    @ParameterizedTest
    @MethodSource(LEVELS)
    void mirrorsTheHalfOfASymmetricProduct(NativeLevel level) {
        for (int n : new int[] {1, 15, 33, 100, 257, 530}) {
            for (DType type : new DType[] {DType.F32, DType.BF16}) {
                int k = 77;
                Matrix x = new Matrix(DType.BF16, k, n, 1);
                Matrix c = new Matrix(type, n, n, 0);
                for (int i = 0; i < n; i++) {
                    for (int j = 0; j < i; j++) {
                        c.set(i, j, (float) c.get(j, i));
                    }
                }
                Matrix out = new Matrix(type, n, n, 3);
                ProductShape shape =
                        shape(n, n, k, type)
                                .withTransposed(true, false)
                                .withFactors(2, -0.5f)
                                .asSymmetric();
                Bf16Plan plan = new Bf16Plan(shape, pool, level, Long.MAX_VALUE);
                run(plan, x, Weights.of(x.matrices()), c, out, n, k);
                check(shape, x, x, c, out, n, k);
                for (int i = 0; i < n; i++) {
                    for (int j = 0; j < i; j++) {
                        assertEquals(out.get(j, i), out.get(i, j));
                    }
                }
            }
        }
    }

    /// Products of subnormal factors or sums are zero on this hardware, those of results are not.
    @ParameterizedTest
    @MethodSource(LEVELS)
    void takesSubnormalFactorsAsZeroAndKeepsSubnormalResults(NativeLevel level) {
        Matrix a = new Matrix(DType.BF16, 2, 2, 0);
        Matrix b = new Matrix(DType.BF16, 1, 2, 0);
        a.set(0, 0, 0x1p-130f);
        a.set(0, 1, 0);
        a.set(1, 0, 0x1p-60f);
        a.set(1, 1, 0);
        b.set(0, 0, 0x1p60f);
        b.set(0, 1, 0);
        Matrix out = new Matrix(DType.F32, 2, 1, 0);
        ProductShape shape = shape(2, 1, 2, DType.F32).withFactors(0x1p-130f, 0);
        Bf16Plan plan = new Bf16Plan(shape, pool, level, Long.MAX_VALUE);
        run(plan, a, Weights.of(b.matrices()), out, out, 2, 2);
        assertEquals(0, out.get(0, 0));
        assertEquals(0x1p-130, out.get(1, 0));
    }

    @ParameterizedTest
    @MethodSource(LEVELS)
    void passesOnWhatIsNoNumber(NativeLevel level) {
        Matrix a = new Matrix(DType.BF16, 3, 40, 0);
        Matrix b = new Matrix(DType.BF16, 40, 40, 0);
        a.set(0, 7, Float.NaN);
        b.set(5, 9, Float.POSITIVE_INFINITY);
        a.set(1, 9, 1);
        Matrix out = new Matrix(DType.BF16, 3, 40, 0);
        Bf16Plan plan = new Bf16Plan(shape(3, 40, 40, DType.BF16), pool, level, Long.MAX_VALUE);
        run(plan, a, Weights.of(b.matrices()), out, out, 3, 40);
        for (int j = 0; j < 40; j++) {
            assertTrue(Double.isNaN(out.get(0, j)));
            assertEquals(j == 5, out.get(1, j) == Double.POSITIVE_INFINITY);
        }
    }

    @ParameterizedTest
    @MethodSource(LEVELS)
    void staysWithinTheWorkspaceAndTheMemoryThatItIsGiven(NativeLevel level) {
        ProductShape shape = shape(700, 90, 1040, DType.F32);
        Bf16Plan large = new Bf16Plan(shape, pool, level, Long.MAX_VALUE);
        Bf16Plan small = new Bf16Plan(shape, pool, level, large.workspaceBytes() / 4);
        assertTrue(small.workspaceBytes() <= large.workspaceBytes() / 4);
        Matrix a = new Matrix(DType.BF16, 700, 1040, 0);
        Matrix b = new Matrix(DType.BF16, 90, 1040, 0);
        Matrix out = new Matrix(DType.F32, 700, 90, 0);
        run(small, a, Weights.of(b.matrices()), out, out, 700, 1040);
        check(shape, a, b, out, out, 700, 1040);
        Matrix narrow = new Matrix(DType.BF16, 89, 1040, 0);
        assertThrows(
                IndexOutOfBoundsException.class,
                () -> run(large, a, Weights.of(narrow.matrices()), out, out, 700, 1040));
        assertThrows(
                IllegalArgumentException.class,
                () -> run(large, a, Weights.of(b.matrices()), out, out, 701, 1040));
    }
}
