package dev.halcyon.bench.round;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.halcyon.bench.load.ForeignLoad;
import dev.halcyon.bench.round.Rounds.Measurement;

import org.junit.jupiter.api.Test;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

final class RoundsTest {
    private static final Pace BRIEF = new Pace(4, 0.01, 0, 0, Duration.ZERO, 1);

    /// A machine whose load nobody counts.
    private static final ForeignLoad UNKNOWN = new ForeignLoad(Path.of("no-such-file"));

    private final List<String> order = new ArrayList<>();

    /// Says times instead of taking them.
    private final class Scripted implements Entrant {
        private final String name;
        private final double seconds;
        private final int failsAtTurn;
        private boolean parked = true;
        private int turns;

        Scripted(String name, double seconds, int failsAtTurn) {
            this.name = name;
            this.seconds = seconds;
            this.failsAtTurn = failsAtTurn;
        }

        @Override
        public String name() {
            return name;
        }

        @Override
        public void resume() {
            parked = false;
        }

        @Override
        public void park() {
            parked = true;
        }

        @Override
        public double[] run(int times) {
            assertThat(parked).as(name + " runs while it is parked").isFalse();
            order.add(name);
            if (++turns == failsAtTurn) {
                throw new EntrantFailure(name + " has had enough");
            }
            double[] taken = new double[times];
            Arrays.fill(taken, seconds * (1 + 0.1 * turns));
            return taken;
        }
    }

    @Test
    void takesTheMedianOfTheRoundsAndTheirSpread() {
        Scripted one = new Scripted("one", 0.01, 0);
        Measurement measurement = new Rounds(BRIEF, UNKNOWN).measure(List.of(one), () -> {});
        // Turn 1 warms up; turns 2 to 5 take 0.012, 0.013, 0.014 and 0.015 s.
        assertThat(measurement.series().get(one).median()).isCloseTo(0.0135, within(1e-12));
        assertThat(measurement.series().get(one).spread()).isCloseTo(0.003 / 0.0135, within(1e-9));
        assertThat(measurement.series().get(one).rounds()).isEqualTo(4);
        assertThat(measurement.contended()).isFalse();
        assertThat(measurement.foreignLoad()).isEmpty();
    }

    @Test
    void alternatesTheOrder() {
        new Rounds(BRIEF, UNKNOWN)
                .measure(
                        List.of(new Scripted("a", 0.01, 0), new Scripted("b", 0.02, 0)),
                        () -> order.add("|"));
        assertThat(String.join("", order)).isEqualTo("ab|ab|ba|ab|ba");
    }

    @Test
    void goesOnWithoutWhoeverFails() {
        Scripted good = new Scripted("good", 0.01, 0);
        Scripted bad = new Scripted("bad", 0.01, 3);
        Scripted worse = new Scripted("worse", 0.01, 1);
        Measurement measurement =
                new Rounds(BRIEF, UNKNOWN).measure(List.of(worse, good, bad), () -> {});
        assertThat(measurement.series()).containsOnlyKeys(good);
        assertThat(measurement.series().get(good).rounds()).isEqualTo(4);
        assertThat(measurement.failures()).containsOnlyKeys(bad, worse);
        assertThat(measurement.failures().get(bad)).contains("bad has had enough");
    }

    @Test
    void endsWhenNobodyIsLeft() {
        Measurement measurement =
                new Rounds(BRIEF, UNKNOWN).measure(List.of(new Scripted("bad", 0.01, 2)), () -> {});
        assertThat(measurement.series()).isEmpty();
        assertThat(measurement.failures()).hasSize(1);
    }
}
