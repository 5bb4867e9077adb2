package dev.halcyon.backend.ascend;

import org.jspecify.annotations.Nullable;

import java.nio.file.Path;
import java.util.Map;

/// Everything that can be set about the backend, read once a probe.
///
/// @param disabled `-Dhalcyon.ascend=off`
/// @param home `-Dhalcyon.ascend.home=`, an installation of CANN or a root of the emulator, used
///   instead of what the environment names
/// @param driver `-Dhalcyon.ascend.driver=`, the folder of the driver's libraries
/// @param deterministic `-Dhalcyon.ascend.deterministic=false` lets operators sum in any order,
///   which is faster
record AscendSettings(boolean disabled, @Nullable Path home, Path driver, boolean deterministic) {
    private static final Path DEFAULT_DRIVER = Path.of("/usr/local/Ascend/driver/lib64");

    /// {@return the settings that these properties name}
    static AscendSettings of(Map<String, String> properties) {
        String home = properties.get("halcyon.ascend.home");
        String driver = properties.get("halcyon.ascend.driver");
        return new AscendSettings(
                "off".equals(properties.get("halcyon.ascend")),
                home == null || home.isBlank() ? null : Path.of(home),
                driver == null || driver.isBlank() ? DEFAULT_DRIVER : Path.of(driver),
                !"false".equals(properties.get("halcyon.ascend.deterministic")));
    }
}
