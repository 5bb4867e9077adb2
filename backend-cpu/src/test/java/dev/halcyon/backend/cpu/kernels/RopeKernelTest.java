package dev.halcyon.backend.cpu.kernels;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import dev.halcyon.hal.kernel.attention.Rope;
import dev.halcyon.hal.kernel.attention.RotaryFrequencies;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/// Rotations against the formula in double.
class RopeKernelTest {
    private RowBench bench;

    @BeforeEach
    void open() {
        bench = RowBench.open(2);
    }

    @AfterEach
    void close() {
        bench.close();
    }

    private double[] expected(Rope spec, Tensor x, int... positions) {
        double[] out = bench.read(x);
        int dim = spec.frequencies().dim();
        for (int head = 0; head < out.length / spec.headDim(); head++) {
            int position = positions[head / spec.heads()];
            for (int i = 0; i < dim / 2; i++) {
                boolean neighbours = spec.pairing() == Rope.Pairing.INTERLEAVED;
                int first = head * spec.headDim() + spec.firstRotated();
                int a = first + (neighbours ? 2 * i : i);
                int b = first + (neighbours ? 2 * i + 1 : i + dim / 2);
                double angle =
                        position
                                * spec.frequencies().inverseFrequency(i)
                                * (spec.inverse() ? -1 : 1);
                double cos = Math.cos(angle) * spec.frequencies().magnitude();
                double sin = Math.sin(angle) * spec.frequencies().magnitude();
                double turned = out[a] * cos - out[b] * sin;
                out[b] = out[a] * sin + out[b] * cos;
                out[a] = turned;
            }
        }
        return out;
    }

    @ParameterizedTest
    @CsvSource({"2,2,0", "6,10,3", "64,64,0", "64,192,128", "130,1300,1100", "34,40,6"})
    void turnsAnyRun(int dim, int headDim, int first) {
        for (Rope.Pairing pairing : Rope.Pairing.values()) {
            for (boolean inverse : new boolean[] {false, true}) {
                Rope spec =
                        Rope.of(5, 3, headDim, RotaryFrequencies.plain(dim, 10000), DType.F32)
                                .withFirstRotated(first)
                                .withPairing(pairing)
                                .withInverse(inverse);
                Tensor x = bench.normal(DType.F32, 3, 3, headDim);
                Tensor out = bench.empty(DType.F32, 3, 3, headDim);
                bench.run(spec, Rope.Args.of(x, bench.ints(0, 7, -1000), out));
                bench.assertClose(expected(spec, x, 0, 7, -1000), out);
            }
        }
    }

    @Test
    void staysExactAtFarPositions() {
        RotaryFrequencies yarn = RotaryFrequencies.yarn(64, 10000, 40, 4096, 32, 1, 1, 0.5);
        Rope spec = Rope.of(2, 2, 64, yarn, DType.F32);
        Tensor x = bench.normal(DType.F32, 2, 2, 64);
        Tensor out = bench.empty(DType.F32, 2, 2, 64);
        bench.run(spec, Rope.Args.of(x, bench.ints(1_000_000, 999_999), out));
        bench.assertClose(expected(spec, x, 1_000_000, 999_999), out);
    }

    @ParameterizedTest
    @EnumSource(names = {"F32", "BF16", "F16"})
    void takesStridesAndTypes(DType dtype) {
        Tensor wide = bench.normal(dtype, 4, 3 * 20 + 9);
        Tensor x = wide.slice(1, 5, 65);
        Rope spec =
                Rope.of(6, 3, 20, RotaryFrequencies.plain(8, 100), dtype)
                        .withTypes(dtype, DType.F32);
        Tensor out = bench.empty(DType.F32, 4, 3, 24).slice(2, 2, 22);
        Tensor heads = bench.normal(dtype, 4, 3, 33).slice(2, 1, 21);
        bench.run(spec, Rope.Args.of(heads, bench.ints(1, 2, 3, 4), out));
        bench.assertClose(expected(spec, heads, 1, 2, 3, 4), out);
        bench.assertClose(bench.read(wide), wide, 0);
        Tensor one = bench.empty(DType.F32, 4, 1, 60);
        Rope shared =
                Rope.of(4, 1, 60, RotaryFrequencies.plain(60, 100), dtype)
                        .withTypes(dtype, DType.F32);
        Tensor contiguous = bench.of(dtype, bench.read(x), 4, 1, 60);
        bench.run(shared, Rope.Args.of(contiguous, bench.ints(9, 8, 7, 6), one));
        bench.assertClose(expected(shared, contiguous, 9, 8, 7, 6), one);
    }

    @ParameterizedTest
    @EnumSource
    void worksInPlaceAndItsInverseUndoesIt(Rope.Pairing pairing) {
        Rope spec =
                Rope.of(3, 2, 30, RotaryFrequencies.plain(20, 10000), DType.F32)
                        .withPairing(pairing);
        Tensor x = bench.normal(DType.F32, 3, 2, 30);
        double[] before = bench.read(x);
        double[] turned = expected(spec, x, 100, 200, 300);
        bench.run(spec, Rope.Args.of(x, bench.ints(100, 200, 300), x));
        bench.assertClose(turned, x);
        bench.run(spec.withInverse(true), Rope.Args.of(x, bench.ints(100, 200, 300), x));
        bench.assertClose(before, x);
    }

    @Test
    void deadRowsStayAsTheyAreInPlace() {
        Rope spec = Rope.of(3, 1, 4, RotaryFrequencies.plain(4, 100), DType.F32);
        Tensor x = bench.normal(DType.F32, 3, 1, 4);
        double[] last = bench.read(x.slice(0, 2, 3));
        double[] expected = expected(spec, x.slice(0, 0, 2), 5, 6);
        bench.run(spec, Rope.Args.of(x, bench.ints(5, 6, 7), x).withActiveRows(bench.ints(2)));
        bench.assertClose(expected, x.slice(0, 0, 2));
        assertArrayEquals(last, bench.read(x.slice(0, 2, 3)));
    }

    @Test
    void anyNumberOfThreadsGivesTheSameBits() {
        RowBench.sameBitsForAnyThreads(
                some -> {
                    Tensor out = some.empty(DType.F32, 300, 4, 64);
                    int[] positions = some.random().ints(300, 0, 100_000).toArray();
                    some.run(
                            Rope.of(300, 4, 64, RotaryFrequencies.plain(64, 10000), DType.F32),
                            Rope.Args.of(
                                    some.normal(DType.F32, 300, 4, 64), some.ints(positions), out));
                    return out;
                });
    }
}
