package dev.halcyon.bench.load;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;

final class PatienceTest {
    @TempDir private Path folder;

    /// A machine that somebody else uses all the time, by what its counters say.
    @Test
    void endsOnAMachineThatIsNeverQuiet() throws IOException, InterruptedException {
        Path stat = folder.resolve("stat");
        AtomicBoolean done = new AtomicBoolean();
        Files.writeString(stat, "cpu 0 0 0 0 0 0 0 0");
        Thread busy = Thread.ofPlatform().start(() -> count(stat, done));
        try {
            Patience patience =
                    new Patience(
                            new ForeignLoad(stat), Duration.ofSeconds(1), Duration.ofMillis(1500));
            long start = System.nanoTime();
            for (int wait = 0; wait < 4; wait++) {
                assertThat(patience.awaitQuiet()).isFalse();
            }
            // One second, half a second, and then a look each.
            assertThat((System.nanoTime() - start) / 1e9).isBetween(1.5, 30.0);
        } finally {
            done.set(true);
            busy.join();
        }
    }

    private static void count(Path stat, AtomicBoolean done) {
        for (long ticks = 0; !done.get(); ticks += 1000) {
            try {
                Path next = stat.resolveSibling("next");
                Files.writeString(next, "cpu " + ticks + " 0 0 0 0 0 0 0");
                Files.move(next, stat, StandardCopyOption.REPLACE_EXISTING);
                Thread.sleep(10);
            } catch (IOException unwritable) {
                throw new UncheckedIOException(unwritable);
            } catch (InterruptedException interrupted) {
                return;
            }
        }
    }

    @Test
    void goesOnAtOnceWhereNobodyCounts() {
        Patience patience =
                new Patience(
                        new ForeignLoad(folder.resolve("missing")),
                        Duration.ofMinutes(1),
                        Duration.ofMinutes(1));
        assertThat(patience.awaitQuiet()).isTrue();
    }
}
