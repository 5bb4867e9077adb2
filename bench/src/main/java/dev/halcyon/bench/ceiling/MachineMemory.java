package dev.halcyon.bench.ceiling;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

/// Sizes of this machine's memory and caches.
public final class MachineMemory {
    private static final Path CACHES = Path.of("/sys/devices/system/cpu/cpu0/cache");

    /// A guess for systems that do not tell.
    private static final long USUAL_CACHE_BYTES = 64L << 20;

    private static final long USUAL_MEMORY_BYTES = 8L << 30;

    private MachineMemory() {}

    /// {@return the size of the largest cache, as the operating system tells it; a guess where it does not}
    public static long lastLevelCacheBytes() {
        long largest = 0;
        for (int index = 0; index < 8; index++) {
            Path size = CACHES.resolve("index" + index).resolve("size");
            if (Files.isReadable(size)) {
                largest = Math.max(largest, parse(size));
            }
        }
        return largest == 0 ? USUAL_CACHE_BYTES : largest;
    }

    private static long parse(Path file) {
        try {
            String text = Files.readString(file).strip().toUpperCase(Locale.ROOT);
            long unit = text.endsWith("K") ? 1 << 10 : text.endsWith("M") ? 1 << 20 : 1;
            return Long.parseLong(text.replaceAll("[KM]$", "")) * unit;
        } catch (IOException | NumberFormatException unreadable) {
            return 0;
        }
    }

    /// {@return the memory of the machine, or of the container the JVM sees}
    public static long physicalBytes() {
        return ManagementFactory.getOperatingSystemMXBean() instanceof OperatingSystemMXBean system
                ? system.getTotalMemorySize()
                : USUAL_MEMORY_BYTES;
    }
}
