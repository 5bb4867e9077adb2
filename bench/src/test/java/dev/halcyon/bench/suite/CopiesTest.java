package dev.halcyon.bench.suite;

import static dev.halcyon.hal.memory.DType.BF16;
import static dev.halcyon.hal.memory.DType.F32;

import static org.assertj.core.api.Assertions.assertThat;

import dev.halcyon.bench.problem.GemmProblem;

import org.junit.jupiter.api.Test;

final class CopiesTest {
    private static final long MIB = 1 << 20;
    private static final GemmProblem COLD = GemmProblem.coldLinear(1, 7168, 2048, BF16);

    @Test
    void fillTheCachesTwice() {
        Copies copies = Copies.of(COLD, 480 * MIB, 16_000 * MIB);
        assertThat(copies.limited()).isFalse();
        assertThat(copies.count() * COLD.bytesPerCopy())
                .isBetween(960 * MIB, 960 * MIB + COLD.bytesPerCopy());
    }

    @Test
    void stopWhereTheMemoryEnds() {
        Copies copies = Copies.of(COLD, 480 * MIB, 100 * MIB);
        assertThat(copies.limited()).isTrue();
        assertThat(copies.count() * COLD.bytesPerCopy()).isLessThanOrEqualTo(100 * MIB);
        assertThat(copies.note()).isNotEmpty();
        assertThat(Copies.of(COLD, 480 * MIB, 1).count()).isEqualTo(1);
    }

    @Test
    void areOneWhereCachesMayHelp() {
        assertThat(Copies.of(GemmProblem.square(512, F32), 480 * MIB, MIB))
                .isEqualTo(new Copies(1, false));
    }
}
