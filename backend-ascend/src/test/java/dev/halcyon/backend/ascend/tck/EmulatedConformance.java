package dev.halcyon.backend.ascend.tck;

import static org.assertj.core.api.Assertions.assertThat;

import dev.halcyon.backend.ascend.AscendBackendProvider;
import dev.halcyon.backend.ascend.EmulatorControl;
import dev.halcyon.backend.ascend.EmulatorRoot;
import dev.halcyon.hal.BackendProvider;
import dev.halcyon.hal.DeviceOptions;
import dev.halcyon.tck.conformance.BackendConformance;

import org.junit.jupiter.api.AfterAll;

import java.util.Map;

/// The whole kit on the emulator in one of its profiles.
abstract class EmulatedConformance extends BackendConformance {
    private final String profile;
    private final EmulatorRoot root;
    private final Map<String, String> settings;

    EmulatedConformance(String profile) {
        this.profile = profile;
        this.root = EmulatorRoot.of(profile);
        this.settings = Map.of("halcyon.ascend.home", root.path().toString());
    }

    @Override
    protected final BackendProvider provider() {
        return new AscendBackendProvider(settings);
    }

    @Override
    protected final DeviceOptions options() {
        DeviceOptions options = DeviceOptions.fromSystemProperties();
        for (Map.Entry<String, String> one : settings.entrySet()) {
            options = options.withProperty(one.getKey(), one.getValue());
        }
        return options;
    }

    @Override
    protected final String reportName() {
        return "ascend-emulated-" + profile;
    }

    /// What CANN would have let pass, with a wrong result or none, the emulator wrote down.
    @AfterAll
    final void brokeNoRule() {
        if (root.exists()) {
            assertThat(EmulatorControl.of(root).violations()).isEmpty();
        }
    }
}
