package dev.halcyon.bench.load;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.halcyon.bench.load.ForeignLoad.Moment;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

final class ForeignLoadTest {
    private static final long SECOND = 1_000_000_000;

    @TempDir private Path folder;

    @Test
    void isWhatTheMachineDidBesidesUs() {
        Moment start = new Moment(100, 10, 0);
        Moment end = new Moment(103, 11.5, 2 * SECOND);
        // 3 s were busy, 1.5 s of them ours, of 2 s on 4 processors.
        assertThat(ForeignLoad.between(start, end, 4).orElseThrow())
                .isCloseTo(1.5 / 8, within(1e-12));
    }

    @Test
    void isNothingWhereCountersDifferByTheirGrain() {
        assertThat(ForeignLoad.between(new Moment(0, 0, 0), new Moment(1, 0.98, SECOND), 1))
                .hasValue(0);
        assertThat(ForeignLoad.between(new Moment(0, 0, 0), new Moment(1, 1.2, SECOND), 1))
                .hasValue(0);
    }

    @Test
    void readsTheKernelsCounters() throws IOException {
        Path stat = folder.resolve("stat");
        Files.writeString(stat, "cpu  100 20 30 9999 777 4 6 40 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n");
        assertThat(new ForeignLoad(stat).now().machineSeconds()).isEqualTo(2.0);
    }

    @Test
    void isUnknownWhereNobodyCounts() {
        ForeignLoad load = new ForeignLoad(folder.resolve("missing"));
        load.setFriends(List.of(ProcessHandle.current()));
        assertThat(load.since(load.now())).isEmpty();
        assertThat(load.awaitQuiet(Duration.ZERO)).isTrue();
    }
}
