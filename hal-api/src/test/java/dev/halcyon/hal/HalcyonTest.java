package dev.halcyon.hal;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.halcyon.hal.error.BackendUnavailableException;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.logging.Level;

/// The front door opens what a selector picks from the class path of the calling thread, and says
/// aloud when that was not the first choice.
final class HalcyonTest {
    @TempDir Path folder;

    private final Thread thread = Thread.currentThread();
    private final ClassLoader usual = thread.getContextClassLoader();

    @BeforeEach
    void putOnThePath() throws IOException {
        thread.setContextClassLoader(
                ProviderLoader.of(folder, FakeBackend.class, OddProviders.Absent.class));
    }

    @AfterEach
    void restore() {
        thread.setContextClassLoader(usual);
    }

    @Test
    void opensWhatWasAskedForInSilence() {
        try (Warnings warnings = new Warnings();
                Device device = Halcyon.open(Selector.of("fake"))) {
            assertEquals("fake:0", device.description().id());
            assertEquals(List.of(), warnings.messages());
        }
    }

    @Test
    void saysWhyAnEarlierChoiceWasPassedOver() {
        try (Warnings warnings = new Warnings();
                Device device =
                        Halcyon.open(
                                Selector.preferring("cuda", "Absent", "fake"),
                                DeviceOptions.defaults())) {
            assertEquals("fake:0", device.description().id());
            assertEquals(1, warnings.messages().size());
            assertEquals(
                    Level.INFO,
                    warnings.find(
                                    "preferring cuda, Absent, fake opens fake:0",
                                    "not cuda: not on the class or module path",
                                    "not Absent: NO_DEVICE: looked; plug one in")
                            .getLevel());
        }
    }

    @Test
    void opensNothingInsteadOfWhatWasAskedFor() {
        Expect.thrown(
                BackendUnavailableException.class,
                () -> Halcyon.open(Selector.of("cuda:0")),
                "cuda:0",
                "Absent: NO_DEVICE",
                "fake:0");
    }
}
