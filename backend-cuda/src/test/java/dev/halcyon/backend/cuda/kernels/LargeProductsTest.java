package dev.halcyon.backend.cuda.kernels;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.halcyon.backend.cuda.StubLibrary;
import dev.halcyon.backend.cuda.StubProvider;
import dev.halcyon.hal.Device;
import dev.halcyon.hal.Stream;
import dev.halcyon.hal.kernel.linear.Gemm;
import dev.halcyon.hal.kernel.optimizer.Coefficients;
import dev.halcyon.hal.kernel.optimizer.NewtonSchulz;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.WeightFormat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.util.List;
import java.util.SplittableRandom;

/// Products that are large enough for blocks of 128 rows, which no case of the kit is.
class LargeProductsTest {
    private final StubLibrary stub = StubLibrary.withKernelsOrSkip();

    /// Numbers with few bits, so that every sum is exact and any order of adding gives it.
    private static float[] smallNumbers(long seed, int count) {
        SplittableRandom random = new SplittableRandom(seed);
        float[] numbers = new float[count];
        for (int i = 0; i < count; i++) {
            numbers[i] = random.nextInt(-4, 5);
        }
        return numbers;
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void multipliesInLargeBlocks(boolean transposed) {
        int rows = 1024;
        int columns = 960;
        int depth = 72;
        stub.reset();
        try (Device device = StubProvider.open();
                Stream stream = device.stream("large");
                DeviceArena arena = device.arena("large")) {
            float[] left = smallNumbers(1, rows * depth);
            float[] right = smallNumbers(2, columns * depth);
            Tensor a = arena.tensor(DType.BF16, rows, depth);
            Tensor b =
                    transposed
                            ? arena.tensor(DType.BF16, columns, depth)
                            : arena.tensor(DType.BF16, depth, columns);
            Tensor out = arena.tensor(DType.F32, rows, columns);
            stream.write(a, left);
            stream.write(b, right);
            WeightFormat format = WeightFormat.rowMajor(DType.BF16);
            Gemm spec =
                    Gemm.linear(rows, depth, columns, DType.BF16, format, DType.F32)
                            .withTransposed(false, transposed);
            stream.run(spec, Gemm.Args.of(a, b, out));
            float[] got = stream.readFloats(out);
            for (int row = 0; row < rows; row += 37) {
                for (int column = 0; column < columns; column++) {
                    float wanted = 0;
                    for (int k = 0; k < depth; k++) {
                        wanted +=
                                left[row * depth + k]
                                        * right[
                                                transposed
                                                        ? column * depth + k
                                                        : k * columns + column];
                    }
                    assertEquals(wanted, got[row * columns + column], row + ", " + column);
                }
            }
        }
    }

    /// Against the kit's oracle, tall and wide.
    @Test
    void orthogonalisesInLargeBlocks() {
        orthogonalise(300, 333);
        orthogonalise(333, 300);
    }

    private void orthogonalise(int rows, int columns) {
        stub.reset();
        List<Coefficients> steps = Coefficients.repeat(new Coefficients(2, -1.5, 0.5), 2);
        NewtonSchulz spec = NewtonSchulz.of(rows, columns).withSteps(steps);
        SplittableRandom random = new SplittableRandom(3);
        float[] numbers = new float[rows * columns];
        double[] rounded = new double[numbers.length];
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = random.nextInt(-128, 129) / 128f;
            rounded[i] = numbers[i];
        }
        double[] wanted =
                new dev.halcyon.tck.oracle.NewtonSchulz(
                                dev.halcyon.tck.oracle.Coefficients.repeated(
                                        new dev.halcyon.tck.oracle.Coefficients(2, -1.5, 0.5), 2),
                                dev.halcyon.tck.oracle.NewtonSchulz.NormRule.ADD_EPS,
                                1e-7)
                        .apply(rounded, rows, columns);
        float[] got;
        try (Device device = StubProvider.open();
                Stream stream = device.stream("large");
                DeviceArena arena = device.arena("large")) {
            Tensor x = arena.tensor(DType.F32, rows, columns);
            Tensor out = arena.tensor(DType.F32, rows, columns);
            stream.write(x, numbers);
            stream.run(spec, NewtonSchulz.Args.of(x, out));
            got = stream.readFloats(out);
        }
        double largest = 0;
        for (double value : wanted) {
            largest = Math.max(largest, Math.abs(value));
        }
        // Six roundings to BF16 lie between.
        double tolerance = 6 * 0x1p-8 * largest;
        for (int i = 0; i < wanted.length; i++) {
            assertEquals(wanted[i], got[i], tolerance, "element " + i);
        }
    }
}
