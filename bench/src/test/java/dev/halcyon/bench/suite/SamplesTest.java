package dev.halcyon.bench.suite;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class SamplesTest {
    @ParameterizedTest
    @CsvSource({"1,8", "2,8", "7,8", "512,24", "2048,3", "100000,64"})
    void areDifferentIndicesFromTheFirstToTheLast(int length, int count) {
        int[] picked = Samples.indices(length, count);
        assertThat(picked).isSorted().doesNotHaveDuplicates().contains(0, length - 1);
        assertThat(picked.length).isLessThanOrEqualTo(count);
        assertThat(picked[picked.length - 1]).isLessThan(length);
    }

    @Test
    void areSpreadOverALargeResult() {
        long length = 3_000_000_000L;
        long[] picked = Samples.positions(length, 512);
        assertThat(picked).isSorted().hasSizeGreaterThan(500).contains(0, length - 1);
        assertThat(picked[0]).isZero();
        assertThat(picked[picked.length - 1]).isEqualTo(length - 1);
    }
}
