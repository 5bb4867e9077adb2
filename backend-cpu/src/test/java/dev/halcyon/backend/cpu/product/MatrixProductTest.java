package dev.halcyon.backend.cpu.product;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.halcyon.backend.cpu.loops.MatrixLoops;
import dev.halcyon.backend.cpu.parallel.WorkerPool;
import dev.halcyon.backend.cpu.scalar.ScalarMatrixLoops;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.WeightFormat;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;

/// The engine called without a device, as kernels that have a product inside call it.
class MatrixProductTest {
    private final Arena arena = Arena.ofShared();
    private final WorkerPool pool = new WorkerPool(3);
    private final MatrixLoops loops = new ScalarMatrixLoops();
    private final Random random = new Random(7);

    @AfterEach
    void close() {
        pool.close();
        arena.close();
    }

    private MemorySegment random(int count) {
        MemorySegment memory = arena.allocate(count * 4L, 64);
        for (int i = 0; i < count; i++) {
            memory.set(Elements.FLOAT, i * 4L, random.nextFloat() * 2 - 1);
        }
        return memory;
    }

    private static float at(MemorySegment memory, int index) {
        return memory.get(Elements.FLOAT, index * 4L);
    }

    private MatrixProduct bind(
            ProductShape shape, Matrices left, Matrices right, Matrices addend, Matrices out) {
        ProductPlan plan = ProductPlan.of(shape, pool, loops, Long.MAX_VALUE);
        MemorySegment workspace = arena.allocate(plan.workspaceBytes(), 64);
        return plan.bind(left, Weights.of(right), addend, out, workspace);
    }

    @Test
    void mirrorsTheHalfOfASymmetricProduct() {
        for (int n : new int[] {1, 5, 60, 200, 437}) {
            int k = 31;
            MemorySegment x = random(n * k);
            MemorySegment c = random(n * n);
            for (int i = 0; i < n; i++) {
                for (int j = 0; j < i; j++) {
                    c.set(Elements.FLOAT, (i * n + j) * 4L, at(c, j * n + i));
                }
            }
            MemorySegment out = random(n * n);
            Matrices left = Matrices.of(DType.F32, x, 0, k);
            ProductShape shape =
                    ProductShape.of(n, n, k, DType.F32, WeightFormat.rowMajor(DType.F32), DType.F32)
                            .withFactors(2, -0.5f)
                            .asSymmetric();
            MatrixProduct product =
                    bind(
                            shape,
                            left,
                            left,
                            Matrices.of(DType.F32, c, 0, n),
                            Matrices.of(DType.F32, out, 0, n));
            product.size(0, n, k);
            product.run();
            for (int i = 0; i < n; i++) {
                for (int j = 0; j < n; j++) {
                    double sum = 0;
                    for (int s = 0; s < k; s++) {
                        sum += (double) at(x, i * k + s) * at(x, j * k + s);
                    }
                    assertEquals(
                            2 * sum - 0.5 * at(c, i * n + j),
                            at(out, i * n + j),
                            2e-5,
                            n + ": " + i + ", " + j);
                    assertEquals(at(out, i * n + j), at(out, j * n + i));
                }
            }
        }
    }

    @Test
    void addsAnotherMatrixThanTheResult() {
        int m = 70;
        int k = 70;
        int n = 90;
        MemorySegment b = random(m * k);
        MemorySegment x = random(k * n);
        MemorySegment out = random(m * n);
        ProductShape shape =
                ProductShape.of(m, n, k, DType.F32, WeightFormat.rowMajor(DType.F32), DType.F32)
                        .withTransposed(false, false)
                        .withFactors(1, 3.5f);
        Matrices right = Matrices.of(DType.F32, x, 0, n);
        MatrixProduct product =
                bind(
                        shape,
                        Matrices.of(DType.F32, b, 0, k),
                        right,
                        right,
                        Matrices.of(DType.F32, out, 0, n));
        product.size(0, m, k);
        product.run();
        for (int i = 0; i < m; i++) {
            for (int j = 0; j < n; j++) {
                double sum = 3.5 * at(x, i * n + j);
                for (int s = 0; s < k; s++) {
                    sum += (double) at(b, i * k + s) * at(x, s * n + j);
                }
                assertEquals(sum, at(out, i * n + j), 2e-5);
            }
        }
    }

    @Test
    void cutsLargeLeftSidesIntoWhatTheWorkspaceTakes() {
        int m = 700;
        int k = 40;
        ProductShape shape =
                ProductShape.of(m, 16, k, DType.F32, WeightFormat.rowMajor(DType.F32), DType.F32)
                        .inGroups(2);
        ProductPlan large = ProductPlan.of(shape, pool, loops, Long.MAX_VALUE);
        ProductPlan small = ProductPlan.of(shape, pool, loops, large.workspaceBytes() / 3);
        assertTrue(small.workspaceBytes() <= large.workspaceBytes() / 3);
        MemorySegment a = random(2 * m * k);
        MemorySegment b = random(16 * k);
        MemorySegment out = random(2 * m * 16);
        Matrices left = Matrices.of(DType.F32, a, 0, k);
        Matrices result = Matrices.of(DType.F32, out, 0, 16);
        assertEquals(1, left.count());
        ProductPlan single = ProductPlan.of(shape.inGroups(1), pool, loops, small.workspaceBytes());
        MatrixProduct product =
                single.bind(
                        left,
                        Weights.of(Matrices.of(DType.F32, b, 0, k)),
                        result,
                        result,
                        arena.allocate(single.workspaceBytes(), 64));
        product.size(0, m, k);
        product.run();
        for (int i = 0; i < m; i++) {
            double sum = 0;
            for (int s = 0; s < k; s++) {
                sum += (double) at(a, i * k + s) * at(b, 3 * k + s);
            }
            assertEquals(sum, at(out, i * 16 + 3), 2e-5);
        }
    }
}
