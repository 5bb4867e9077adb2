package dev.halcyon.bench.round;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.halcyon.bench.load.ForeignLoad;
import dev.halcyon.bench.round.Rounds.Measurement;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

final class RoundsTest {
    private static final Pace BRIEF =
            new Pace(4, 4, 0.01, 0, 0, 1, Duration.ZERO, Duration.ZERO, 1, false);

    /// A machine whose load nobody counts.
    private static final ForeignLoad UNKNOWN = new ForeignLoad(Path.of("no-such-file"));

    @TempDir private Path folder;

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

    /// @param disturbed how many of the first rounds somebody else disturbs
    private Measurement measureWhileOthersWork(Entrant entrant, int disturbed) throws IOException {
        Path stat = folder.resolve("stat");
        int[] round = {0};
        int[] ticks = {0};
        Files.writeString(stat, "cpu 0 0 0 0 0 0 0 0 0 0");
        return new Rounds(
                        new Pace(4, 7, 0.01, 0, 0, 1, Duration.ZERO, Duration.ZERO, 1, false),
                        new ForeignLoad(stat))
                .measure(
                        List.of(entrant),
                        () -> {
                            ticks[0] += round[0]++ < disturbed ? 100_000 : 0;
                            try {
                                Files.writeString(stat, "cpu " + ticks[0] + " 0 0 0 0 0 0 0 0 0");
                            } catch (IOException unwritable) {
                                throw new UncheckedIOException(unwritable);
                            }
                        });
    }

    @Test
    void repeatsRoundsThatOthersDisturbed() throws IOException {
        Scripted one = new Scripted("one", 0.01, 0);
        Measurement measurement = measureWhileOthersWork(one, 2);
        // Turns 4 to 7 were quiet.
        assertThat(measurement.series().get(one).median()).isCloseTo(0.0155, within(1e-12));
        assertThat(measurement.series().get(one).rounds()).isEqualTo(4);
        assertThat(measurement.contended()).isFalse();
        assertThat(measurement.foreignLoad()).hasValue(0);
    }

    @Test
    void marksWhatNobodyLeftInPeace() throws IOException {
        Scripted one = new Scripted("one", 0.01, 0);
        Measurement measurement = measureWhileOthersWork(one, 5);
        assertThat(measurement.series().get(one).rounds()).isEqualTo(7);
        assertThat(measurement.contended()).isTrue();
        assertThat(measurement.foreignLoad().orElseThrow()).isGreaterThan(ForeignLoad.QUIET);
    }

    @Test
    void endsWhenNobodyIsLeft() {
        Measurement measurement =
                new Rounds(BRIEF, UNKNOWN).measure(List.of(new Scripted("bad", 0.01, 2)), () -> {});
        assertThat(measurement.series()).isEmpty();
        assertThat(measurement.failures()).hasSize(1);
    }
}
