package dev.halcyon.backend.cpu.kernels;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.halcyon.hal.kernel.moe.BalanceLoss;
import dev.halcyon.hal.kernel.moe.ExpertLoad;
import dev.halcyon.hal.kernel.moe.RouterBiasUpdate;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.tck.oracle.RouterBias;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// What keeps the load of experts even: counts, bias steps and the balance loss.
class ExpertBalanceKernelsTest {
    private RowBench bench;

    @BeforeEach
    void open() {
        bench = RowBench.open(2);
    }

    @AfterEach
    void close() {
        bench.close();
    }

    @Test
    void countsChoices() {
        Tensor load = bench.ints(9, 9, 9);
        Tensor indices = bench.intMatrix(new int[] {0, 2, 2, -1, 1, 2, 0, 0}, 4, 2);
        bench.run(new ExpertLoad(5, 2, 3, false), ExpertLoad.Args.of(indices, load));
        assertArrayEquals(new int[] {3, 1, 3}, bench.readInts(load));
        bench.run(
                new ExpertLoad(5, 2, 3, true),
                ExpertLoad.Args.of(indices, load).withActiveRows(bench.ints(3)));
        assertArrayEquals(new int[] {4, 2, 6}, bench.readInts(load));
    }

    @Test
    void aWrongChoiceCountsNowhereAndFaults() {
        Tensor load = bench.ints(0, 0);
        bench.runFaulty(
                new ExpertLoad(2, 1, 2, false),
                ExpertLoad.Args.of(bench.intMatrix(new int[] {1, 2}, 2, 1), load),
                "indices[1] is 2");
        assertArrayEquals(new int[] {0, 1}, bench.readInts(load));
    }

    @Test
    void nudgesTheBiasTowardsAnEvenLoad() {
        Tensor bias = bench.floats(0.5, -0.25, 1, 0);
        Tensor load = bench.ints(10, 2, 6, Integer.MAX_VALUE);
        double[] expected =
                RouterBias.update(
                        bench.read(bias), new long[] {10, 2, 6, Integer.MAX_VALUE}, 0.001);
        bench.run(new RouterBiasUpdate(4, 0.001), new RouterBiasUpdate.Args(bias, load));
        bench.assertClose(expected, bias, 1e-7);
    }

    @Test
    void theMeanLoadKeepsItsBias() {
        Tensor bias = bench.floats(0.1, 0.2, 0.3);
        double before = bench.read(bias)[2];
        bench.run(
                new RouterBiasUpdate(3, 0.001),
                new RouterBiasUpdate.Args(bias, bench.ints(1, 3, 2)));
        assertEquals(before, bench.read(bias)[2]);
    }

    private double balance(Tensor scores, Tensor indices, int... starts) {
        Tensor loss = bench.empty(DType.F32, 1);
        bench.run(
                new BalanceLoss(100, 9, (int) scores.dim(1), (int) indices.dim(1), 0.01),
                new BalanceLoss.Args(scores, indices, bench.ints(starts), loss));
        return bench.read(loss)[0];
    }

    @Test
    void theBalanceLossMatchesTheOracle() {
        Tensor scores = bench.empty(DType.F32, 60, 7);
        bench.set(scores, number -> bench.random().nextDouble());
        int[] chosen = bench.random().ints(120, -1, 7).toArray();
        Tensor indices = bench.intMatrix(chosen, 60, 2);
        for (int[] starts : new int[][] {{0, 60}, {0, 1, 1, 40, 60}, {10, 20}, {5, 5}, {0}}) {
            double expected =
                    dev.halcyon.tck.oracle.BalanceLoss.mean(
                            bench.read(scores), chosen, starts, 7, 2, 0.01);
            assertEquals(expected, balance(scores, indices, starts), 1e-6 * expected);
        }
    }

    @Test
    void evenScoresAndAnEvenLoadCostJustAlpha() {
        Tensor scores = bench.empty(DType.F32, 4, 4);
        bench.set(scores, number -> 0.5);
        Tensor indices = bench.intMatrix(new int[] {0, 1, 2, 3}, 4, 1);
        assertEquals(0.01, balance(scores, indices, 0, 4), 1e-8);
    }

    @Test
    void aSequenceOutsideTheTokensIsLeftOutAndFaults() {
        Tensor scores = bench.empty(DType.F32, 4, 2);
        bench.set(scores, number -> 1);
        Tensor indices = bench.intMatrix(new int[] {0, 1, 0, 1}, 4, 1);
        Tensor loss = bench.empty(DType.F32, 1);
        BalanceLoss spec = new BalanceLoss(4, 2, 2, 1, 0.01);
        bench.runFaulty(
                spec,
                new BalanceLoss.Args(scores, indices, bench.ints(0, 4, 5), loss),
                "sequenceStart[2] is 5");
        assertEquals(0.01, bench.read(loss)[0], 1e-8);
        bench.runFaulty(
                spec,
                new BalanceLoss.Args(scores, indices, bench.ints(-1, 0, 4), loss),
                "sequenceStart[0] is -1");
        assertEquals(0.01, bench.read(loss)[0], 1e-8);
        bench.runFaulty(
                spec,
                new BalanceLoss.Args(
                        scores,
                        bench.intMatrix(new int[] {0, 1, 0, 2}, 4, 1),
                        bench.ints(0, 4),
                        loss),
                "indices[3] is 2");
    }
}
