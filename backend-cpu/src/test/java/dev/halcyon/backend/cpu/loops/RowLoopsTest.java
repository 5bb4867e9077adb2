package dev.halcyon.backend.cpu.loops;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.halcyon.backend.cpu.scalar.ScalarLoops;
import dev.halcyon.backend.cpu.vector.VectorLoops;
import dev.halcyon.hal.memory.DType;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Random;

/// The row loops of the variant under test against plain loops in double, and beside what they must
/// not touch.
class RowLoopsTest {
    private static final float SENTINEL = -12345;

    private final RowLoops loops = chosen();
    private final Random random = new Random(7);

    private static RowLoops chosen() {
        String isa = System.getProperty("halcyon.cpu.isa", "auto");
        if (isa.equals("scalar")) {
            return ScalarLoops.create().rows();
        }
        int bits =
                isa.equals("auto")
                        ? Math.min(512, VectorLoops.preferredBits())
                        : Integer.parseInt(isa);
        return VectorLoops.of(bits).rows();
    }

    /// Numbers with a sentinel on either side.
    private float[] normal(int n) {
        float[] values = new float[n + 2];
        for (int i = 1; i <= n; i++) {
            values[i] = (float) random.nextGaussian();
        }
        values[0] = SENTINEL;
        values[n + 1] = SENTINEL;
        return values;
    }

    private static void assertSentinels(float[] values) {
        assertEquals(SENTINEL, values[0], "element before the first");
        assertEquals(SENTINEL, values[values.length - 1], "element after the last");
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 3, 4, 7, 8, 15, 16, 17, 31, 64, 65, 1000})
    void sumsAndProductsAreExactEnough(int n) {
        float[] a = normal(n);
        float[] b = normal(n);
        double dot = 0;
        double sum = 0;
        double squares = 0;
        double max = Double.NEGATIVE_INFINITY;
        for (int i = 1; i <= n; i++) {
            dot += (double) a[i] * b[i];
            sum += a[i];
            squares += (double) a[i] * a[i];
            max = Math.max(max, a[i]);
        }
        assertEquals(dot, loops.dot(a, 1, b, 1, n), 3e-7 * (n + 1));
        assertEquals(sum, loops.sum(a, 1, n), 3e-7 * (n + 1));
        assertEquals(squares, loops.sumOfSquares(a, 1, n), 3e-7 * (n + 1));
        assertEquals(max, loops.max(a, 1, n));
        assertEquals(max, loops.maxNumber(a, 1, n));
        assertEquals(
                n == 0 ? -1 : n - 1,
                n == 0 ? loops.indexOf(1, a, 1, 0) : loops.indexOf(a[n], a, 1, n));
        assertEquals(-1, loops.indexOf(SENTINEL, a, 1, n));
    }

    @Test
    void maximaTreatNaNAsTheyPromise() {
        for (int place = 0; place < 40; place++) {
            float[] a = new float[40];
            a[place] = Float.NaN;
            assertEquals(Float.NaN, loops.max(a, 0, 40));
            assertEquals(0, loops.maxNumber(a, 0, 40));
            Arrays.fill(a, Float.NaN);
            a[place] = -5;
            assertEquals(-5, loops.maxNumber(a, 0, 40));
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 4, 5, 8, 11})
    void aProductHasTheSameBitsInEveryTile(int rows) {
        for (int n : new int[] {1, 16, 33, 300}) {
            float[] a = normal(rows * n);
            float[] b = normal(13 * n);
            float[] together = new float[rows * 14];
            loops.dots(a, 1, n, rows, b, 1, n, 13, n, together, 0, 14);
            for (int i = 0; i < rows; i++) {
                assertEquals(0, together[i * 14 + 13], "column beyond the tile");
                for (int j = 0; j < 13; j++) {
                    float[] alone = new float[1];
                    loops.dots(a, 1 + i * n, n, 1, b, 1 + j * n, n, 1, n, alone, 0, 1);
                    assertEquals(alone[0], together[i * 14 + j]);
                    assertEquals(loops.dot(a, 1 + i * n, b, 1 + j * n, n), alone[0], 1e-6 * n);
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 5, 16, 33, 100})
    void elementwiseLoopsStayInTheirRange(int n) {
        float[] x = normal(n);
        float[] y = normal(n);
        float[] w = normal(n);
        float[] out = normal(n);
        loops.axpby(2, x, 1, -3, y, 1, out, 1, n);
        float[] scaled = x.clone();
        loops.scale(0.5f, scaled, 1, n);
        loops.subtract(0.25f, scaled, 1, n);
        float[] sum = y.clone();
        loops.axpy(4, x, 1, sum, 1, n);
        float[] weighted = normal(n);
        loops.scaleAndMultiply(x, 1, 3, w, 1, weighted, 1, n);
        float[] centred = normal(n);
        loops.shiftScaleAndMultiply(x, 1, 0.5f, 3, w, 1, y, 1, centred, 1, n);
        for (int i = 1; i <= n; i++) {
            assertEquals(2.0 * x[i] - 3.0 * y[i], out[i], 2e-6);
            assertEquals(x[i] * 0.5 - 0.25, scaled[i], 1e-6);
            assertEquals(y[i] + 4.0 * x[i], sum[i], 2e-6);
            assertEquals(x[i] * 3.0 * w[i], weighted[i], 4e-6);
            assertEquals((x[i] - 0.5) * 3.0 * w[i] + y[i], centred[i], 4e-6);
        }
        for (float[] written : new float[][] {out, scaled, sum, weighted, centred}) {
            assertSentinels(written);
        }
    }

    @Test
    void exponentialsAreWithinTwoUnitsInTheLastPlace() {
        int n = 200_000;
        float[] x = new float[n];
        for (int i = 0; i < n; i++) {
            x[i] = -104 + 193f * i / n;
        }
        float[] out = new float[n];
        loops.exp(x, 0, 0, 1, out, 0, n);
        for (int i = 0; i < n; i++) {
            double exact = Math.exp(x[i]);
            float nearest = (float) exact;
            boolean close = nearest == out[i] || Math.abs(out[i] - exact) <= 2 * Math.ulp(nearest);
            assertTrue(close, "exp(" + x[i] + ") is " + out[i] + ", not " + exact);
        }
    }

    @Test
    void exponentialsOfSpecialValues() {
        float[] x = new float[64];
        float[] special = {
            Float.NaN,
            Float.POSITIVE_INFINITY,
            Float.NEGATIVE_INFINITY,
            0,
            -0f,
            1e30f,
            -1e30f,
            200,
            -200
        };
        float[] expected = {
            Float.NaN,
            Float.POSITIVE_INFINITY,
            0,
            1,
            1,
            Float.POSITIVE_INFINITY,
            0,
            Float.POSITIVE_INFINITY,
            0
        };
        for (int i = 0; i < 64; i++) {
            x[i] = special[i % special.length];
        }
        float[] out = new float[64];
        loops.exp(x, 0, 0, 1, out, 0, 64);
        for (int i = 0; i < 64; i++) {
            assertEquals(expected[i % special.length], out[i], "exp(" + x[i] + ")");
        }
        loops.exp(new float[] {5, 3}, 0, 4, 2, out, 0, 2);
        assertEquals((float) Math.exp(2), out[0], 1e-5f);
        assertEquals((float) Math.exp(-2), out[1], 1e-6f);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 16, 37})
    void sigmoidsAndSilus(int n) {
        float[] x = normal(n);
        float[] out = normal(n);
        loops.sigmoid(x, 1, out, 1, n);
        float[] gated = normal(n);
        loops.siluMultiply(x, 1, x, 1, 0.5f, 3, gated, 1, n);
        for (int i = 1; i <= n; i++) {
            assertEquals(1 / (1 + Math.exp(-x[i])), out[i], 2e-7);
            double g = Math.min(x[i], 0.5);
            double u = Math.clamp(x[i], -0.5, 0.5);
            assertEquals(g / (1 + Math.exp(-g)) * u * 3, gated[i], 1e-6);
        }
        assertSentinels(out);
        assertSentinels(gated);
    }

    @ParameterizedTest
    @EnumSource(names = {"F32", "F16", "BF16", "F8_E4M3", "F8_E5M2", "F64"})
    void storingWhatWasLoadedKeepsItAndItsNeighbours(DType dtype) {
        int bytes = dtype.bits() / 8;
        try (Arena arena = Arena.ofConfined()) {
            for (int n : new int[] {0, 1, 7, 8, 16, 31, 100}) {
                MemorySegment memory = arena.allocate((n + 2L) * bytes, 64);
                for (long i = 0; i < memory.byteSize(); i++) {
                    memory.set(ValueLayout.JAVA_BYTE, i, (byte) (i * 37 % 0x5b));
                }
                float[] values = normal(n);
                loops.load(dtype, memory, bytes, values, 1, n);
                assertSentinels(values);
                MemorySegment copy = arena.allocate(memory.byteSize(), 64);
                copy.fill((byte) 0x55);
                loops.store(dtype, values, 1, n, copy, bytes);
                for (long i = 0; i < memory.byteSize(); i++) {
                    boolean inside = i >= bytes && i < memory.byteSize() - bytes;
                    // A double has more digits than the float it passes through.
                    if (!inside || dtype != DType.F64) {
                        byte expected = inside ? memory.get(ValueLayout.JAVA_BYTE, i) : 0x55;
                        assertEquals(expected, copy.get(ValueLayout.JAVA_BYTE, i), "byte " + i);
                    }
                }
            }
        }
    }
}
