package dev.halcyon.tck.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.halcyon.hal.Availability;
import dev.halcyon.hal.BackendProvider;
import dev.halcyon.hal.Device;
import dev.halcyon.hal.DeviceOptions;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.opentest4j.AssertionFailedError;
import org.opentest4j.TestAbortedException;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;

/// A backend without a device is skipped aloud, or fails where it is required.
class BackendConformanceTest {
    private static final String REQUIRE = "halcyon.tck.require";

    private final String before = System.getProperty(REQUIRE, "");

    @AfterEach
    void restore() {
        System.setProperty(REQUIRE, before);
    }

    @Test
    void skipsAnAbsentBackendAloud() {
        System.setProperty(REQUIRE, "another");
        PrintStream usual = System.out;
        ByteArrayOutputStream printed = new ByteArrayOutputStream();
        System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
        try {
            BackendConformance absent = new AbsentConformance();
            assertThatThrownBy(absent::open)
                    .isInstanceOf(TestAbortedException.class)
                    .hasMessageContaining("no fpga is plugged in");
        } finally {
            System.setOut(usual);
        }
        assertThat(printed.toString(StandardCharsets.UTF_8))
                .contains("SKIPPED")
                .contains("-Dhalcyon.tck.require=fpga");
    }

    @Test
    void failsWhereAnAbsentBackendIsRequired() {
        System.setProperty(REQUIRE, "another, fpga");
        BackendConformance absent = new AbsentConformance();
        assertThatThrownBy(absent::open)
                .isInstanceOf(AssertionFailedError.class)
                .hasMessageContaining("no fpga is plugged in");
    }

    @Test
    void refusesASeedThatIsNoNumber() {
        System.setProperty("halcyon.tck.seed", "lucky");
        try {
            assertThatThrownBy(ConformanceSettings::fromSystemProperties)
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("lucky");
        } finally {
            System.clearProperty("halcyon.tck.seed");
        }
    }

    /// Not a test class of its own: JUnit must not find it.
    private static final class AbsentConformance extends BackendConformance {
        @Override
        protected BackendProvider provider() {
            return new AbsentProvider();
        }
    }

    private static final class AbsentProvider implements BackendProvider {
        @Override
        public String name() {
            return "fpga";
        }

        @Override
        public int apiVersion() {
            return API_VERSION;
        }

        @Override
        public Availability probe() {
            return new Availability.Unavailable(
                    Availability.Reason.NO_DEVICE, "no fpga is plugged in", "plug one in", null);
        }

        @Override
        public Device open(int ordinal, DeviceOptions options) {
            throw new IllegalStateException("nothing to open");
        }
    }
}
