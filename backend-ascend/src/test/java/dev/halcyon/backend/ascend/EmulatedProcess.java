package dev.halcyon.backend.ascend;

import static org.assertj.core.api.Assertions.assertThat;

import dev.halcyon.hal.Device;
import dev.halcyon.hal.DeviceOptions;

import java.util.List;
import java.util.Map;

/// The emulator of one profile as a process finds it that starts: nothing allocated, nothing
/// broken, default settings.
///
/// @param root where it is
/// @param control its own interface
record EmulatedProcess(EmulatorRoot root, EmulatorControl control) {
    /// What a program has to give back before it ends.
    private static final List<String> KINDS =
            List.of("device", "host", "stream", "event", "graph", "executor", "tensor", "scalar");

    /// {@return a fresh one; without a compiler the test is skipped loudly, and fails where
    /// `-Dhalcyon.tck.require=ascend` is given}
    static EmulatedProcess start(String profile, String test) {
        EmulatorRoot root = EmulatorRoot.demand(profile, test);
        EmulatorControl control = EmulatorControl.of(root);
        control.reset();
        control.clear();
        return new EmulatedProcess(root, control);
    }

    /// {@return its first device}
    Device open() {
        return open(DeviceOptions.defaults());
    }

    /// {@return its first device}
    Device open(DeviceOptions options) {
        return new AscendBackendProvider(Map.of("halcyon.ascend.home", root.path().toString()))
                .open(0, options);
    }

    /// Gives CANN up and holds that nothing was broken and nothing left over.
    void assertClean(String when) {
        assertThat(control.violations()).as(when).isEmpty();
        for (String kind : KINDS) {
            assertThat(control.count("live." + kind)).as(when + ": live." + kind).isZero();
        }
        assertThat(control.finish()).as(when + ": at aclFinalize").isEmpty();
    }
}
