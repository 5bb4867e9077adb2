package dev.halcyon.backend.cpu.kernels;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import dev.halcyon.hal.kernel.attention.MlaSchedule;
import dev.halcyon.hal.memory.Tensor;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// Prefix sums of splits.
class MlaScheduleKernelTest {
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
    void countsSplitsOfEachSequence() {
        Tensor starts = bench.ints(-1, -1, -1, -1, -1, -1, -1);
        bench.run(
                new MlaSchedule(9, 64),
                new MlaSchedule.Args(bench.ints(0, 1, 64, 65, 0, 1_000_000), starts));
        assertArrayEquals(new int[] {0, 0, 1, 2, 4, 4, 4 + 15_625}, bench.readInts(starts));
    }

    @Test
    void acceptsNoSequences() {
        Tensor starts = bench.ints(-1);
        bench.run(new MlaSchedule(9, 64), new MlaSchedule.Args(bench.ints(), starts));
        assertArrayEquals(new int[] {0}, bench.readInts(starts));
    }

    @Test
    void countsNegativeLengthsAsNone() {
        Tensor starts = bench.ints(-1, -1, -1);
        bench.runFaulty(
                new MlaSchedule(2, 1),
                new MlaSchedule.Args(bench.ints(-4, 3), starts),
                "lengths[0] is -4");
        assertArrayEquals(new int[] {0, 0, 3}, bench.readInts(starts));
    }

    @Test
    void doesNotWrapAround() {
        Tensor starts = bench.ints(-1, -1, -1);
        bench.run(
                new MlaSchedule(2, 1),
                new MlaSchedule.Args(bench.ints(Integer.MAX_VALUE, Integer.MAX_VALUE), starts));
        assertArrayEquals(
                new int[] {0, Integer.MAX_VALUE, Integer.MAX_VALUE}, bench.readInts(starts));
    }
}
