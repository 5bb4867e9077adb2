package dev.halcyon.backend.cpu.kernels;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.halcyon.hal.kernel.elementwise.CrossEntropy;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Losses against the oracle.
class CrossEntropyKernelTest {
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
    @CsvSource({"F32,1", "F32,5", "F32,1024", "F32,3001", "BF16,129", "F16,1030"})
    void matchesTheOracle(DType dtype, int vocab) {
        Tensor logits = bench.normalStrided(dtype, 3, vocab);
        bench.set(logits, number -> 4 * bench.random().nextGaussian());
        int[] targets = {vocab - 1, 0, -1};
        Tensor loss = bench.empty(DType.F32, 3);
        Tensor logSumExp = bench.empty(DType.F32, 3);
        bench.run(
                CrossEntropy.of(4, vocab, dtype),
                CrossEntropy.Args.of(logits, bench.ints(targets), loss, logSumExp));
        double[] values = bench.read(logits);
        bench.assertClose(
                dev.halcyon.tck.oracle.CrossEntropy.forward(values, targets, vocab), loss);
        bench.assertClose(
                dev.halcyon.tck.oracle.CrossEntropy.logSumExps(values, 3, vocab), logSumExp);
    }

    @Test
    void largeLogitsDoNotOverflow() {
        Tensor logits = bench.of(DType.F32, new double[] {1e30, 0, -1e30, 3000, 2999, -3000}, 2, 3);
        Tensor loss = bench.empty(DType.F32, 2);
        Tensor logSumExp = bench.empty(DType.F32, 2);
        bench.run(
                CrossEntropy.of(2, 3, DType.F32),
                CrossEntropy.Args.of(logits, bench.ints(0, 1), loss, logSumExp));
        assertEquals(0, bench.read(loss)[0]);
        assertEquals(1 + Math.log1p(Math.exp(-1)), bench.read(loss)[1], 1e-6);
        assertEquals((float) 1e30, bench.read(logSumExp)[0]);
    }

    @Test
    void infiniteAndNaNRowsSayWhatTheyAre() {
        double infinity = Double.POSITIVE_INFINITY;
        Tensor logits =
                bench.of(
                        DType.F32,
                        new double[] {
                            -infinity, -infinity, infinity, 0, 1, Double.NaN, -infinity, 0
                        },
                        4,
                        2);
        Tensor loss = bench.empty(DType.F32, 4);
        Tensor logSumExp = bench.empty(DType.F32, 4);
        bench.run(
                CrossEntropy.of(4, 2, DType.F32),
                CrossEntropy.Args.of(logits, bench.ints(-1, 1, 0, 0), loss, logSumExp));
        bench.assertClose(new double[] {-infinity, infinity, Double.NaN, 0}, logSumExp);
        bench.assertClose(new double[] {0, infinity, Double.NaN, infinity}, loss);
    }

    @Test
    void aWrongTargetGivesZerosAndAFault() {
        for (int wrong : new int[] {7, -2}) {
            Tensor logits = bench.normal(DType.F32, 3, 7);
            Tensor loss = bench.empty(DType.F32, 3);
            Tensor logSumExp = bench.empty(DType.F32, 3);
            bench.runFaulty(
                    CrossEntropy.of(3, 7, DType.F32),
                    CrossEntropy.Args.of(logits, bench.ints(6, wrong, wrong), loss, logSumExp)
                            .withActiveRows(bench.ints(2)),
                    "targets[1] is " + wrong);
            assertEquals(0, bench.read(loss)[1]);
            assertEquals(0, bench.read(logSumExp)[1]);
            assertEquals(
                    dev.halcyon.tck.oracle.CrossEntropy.forward(
                            bench.read(logits.slice(0, 0, 1)), new int[] {6}, 7)[0],
                    bench.read(loss)[0],
                    1e-5);
        }
    }

    @Test
    void anyNumberOfThreadsGivesTheSameBits() {
        RowBench.sameBitsForAnyThreads(
                some -> {
                    Tensor loss = some.empty(DType.F32, 7);
                    some.run(
                            CrossEntropy.of(7, 9000, DType.F32),
                            CrossEntropy.Args.of(
                                    some.normal(DType.F32, 7, 9000),
                                    some.ints(1, 2, 3, 4, 5, 6, 7),
                                    loss,
                                    some.empty(DType.F32, 7)));
                    return loss;
                });
    }
}
