package dev.halcyon.backend.cpu;

import dev.halcyon.backend.cpu.nativecode.NativeLevel;
import dev.halcyon.hal.DeviceOptions;

/// Everything that can be set about a CPU device, read once when it is opened.
///
/// @param isa `-Dhalcyon.cpu.isa=` scalar, 128, 256 or 512; `auto` takes the widest the machine has
/// @param threads `-Dhalcyon.cpu.threads=`, by default the processors the JVM may use
/// @param nativeKernels `-Dhalcyon.cpu.native=` avx512bf16 or amx, which must then be there;
///   `false` for none; `auto` takes the best that runs beside vectors of 512 bits
public record CpuSettings(String isa, int threads, String nativeKernels) {
    /// Most threads a device takes; beyond this a typing mistake is likelier than a machine.
    public static final int MAX_THREADS = 1024;

    /// The value of a setting that leaves the choice to the backend.
    static final String AUTO = "auto";

    /// The value that switches native kernels off.
    static final String OFF = "false";

    public CpuSettings {
        if (threads < 1 || threads > MAX_THREADS) {
            throw new IllegalArgumentException(
                    "halcyon.cpu.threads is "
                            + threads
                            + "; it must be between 1 and "
                            + MAX_THREADS);
        }
        if (!isa.equals(AUTO)) {
            Isa.of(isa);
        }
        if (!nativeKernels.equals(AUTO) && !nativeKernels.equals(OFF)) {
            NativeLevel.of(nativeKernels);
        }
    }

    /// {@return the settings that these options name}
    public static CpuSettings of(DeviceOptions options) {
        String threads = options.properties().get("halcyon.cpu.threads");
        String isa = options.properties().getOrDefault("halcyon.cpu.isa", AUTO);
        String nativeKernels = options.properties().getOrDefault("halcyon.cpu.native", AUTO);
        try {
            return new CpuSettings(
                    isa,
                    threads == null
                            ? Runtime.getRuntime().availableProcessors()
                            : Integer.parseInt(threads.strip()),
                    nativeKernels);
        } catch (NumberFormatException malformed) {
            throw new IllegalArgumentException(
                    "halcyon.cpu.threads is \"" + threads + "\", which is not a whole number",
                    malformed);
        }
    }
}
