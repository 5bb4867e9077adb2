package dev.halcyon.backend.ascend;

import org.jspecify.annotations.Nullable;

import java.nio.file.Path;
import java.util.Map;

/// Everything that can be set about the backend, read once a probe.
///
/// @param disabled `-Dhalcyon.ascend=off`
/// @param trusted `-Dhalcyon.ascend=on`: `auto` may take a device, though the backend has never run
///   on one
/// @param home `-Dhalcyon.ascend.home=`, an installation of CANN or a root of the emulator, used
///   instead of what the environment names
/// @param emulator `-Dhalcyon.ascend.emulator=`, the folder that the emulator was built into, used
///   where no CANN is installed
/// @param profile `-Dhalcyon.ascend.profile=`, `head` or `8.1`: the emulator in this profile,
///   whatever is installed
/// @param driver `-Dhalcyon.ascend.driver=`, the folder of the driver's libraries
/// @param deterministic `-Dhalcyon.ascend.deterministic=false` lets operators sum in any order,
///   which is faster
record AscendSettings(
        boolean disabled,
        boolean trusted,
        @Nullable Path home,
        @Nullable Path emulator,
        @Nullable String profile,
        Path driver,
        boolean deterministic) {
    private static final Path DEFAULT_DRIVER = Path.of("/usr/local/Ascend/driver/lib64");
    private static final String DEFAULT_PROFILE = "head";

    /// {@return the settings that these properties name}
    static AscendSettings of(Map<String, String> properties) {
        Path driver = path(properties, "halcyon.ascend.driver");
        String profile = properties.get("halcyon.ascend.profile");
        return new AscendSettings(
                "off".equals(properties.get("halcyon.ascend")),
                "on".equals(properties.get("halcyon.ascend")),
                path(properties, "halcyon.ascend.home"),
                path(properties, "halcyon.ascend.emulator"),
                profile == null || profile.isBlank() ? null : profile,
                driver == null ? DEFAULT_DRIVER : driver,
                !"false".equals(properties.get("halcyon.ascend.deterministic")));
    }

    private static @Nullable Path path(Map<String, String> properties, String name) {
        String value = properties.get(name);
        return value == null || value.isBlank() ? null : Path.of(value);
    }

    /// {@return the emulator's root for the profile, or null if no emulator is named}
    @Nullable Path emulatorRoot() {
        return emulator == null
                ? null
                : emulator.resolve(profile == null ? DEFAULT_PROFILE : profile);
    }
}
