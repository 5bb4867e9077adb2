package dev.halcyon.bench.micro;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.openjdk.jmh.annotations.Benchmark;

import java.lang.reflect.Method;
import java.util.Arrays;

/// That the benchmarks do what they say; JMH says how fast.
final class HalBenchmarkTest {
    @Test
    void everyCallWorksAgainAndAgain() {
        HalBenchmark benchmark = new HalBenchmark();
        benchmark.open();
        try {
            for (int i = 0; i < 3; i++) {
                assertThat(benchmark.planCached()).isSameAs(benchmark.planCached());
                assertThat(benchmark.bindTenOperands()).isNotSameAs(benchmark.bindTenOperands());
                benchmark.submitOneElement();
                benchmark.replayTenLaunches();
                assertThat(benchmark.arenaReset().isAlive()).isTrue();
            }
        } finally {
            benchmark.close();
        }
    }

    @Test
    void theShortRunHasThemAll() {
        assertThat(
                        Arrays.stream(HalBenchmark.class.getMethods())
                                .filter(method -> method.isAnnotationPresent(Benchmark.class))
                                .map(Method::getName))
                .containsExactlyInAnyOrderElementsOf(HalMicro.names());
    }
}
