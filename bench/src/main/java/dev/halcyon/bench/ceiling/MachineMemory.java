package dev.halcyon.bench.ceiling;

import com.sun.management.OperatingSystemMXBean;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.OptionalLong;
import java.util.stream.Stream;

/// Sizes of this machine's memory and caches.
public final class MachineMemory {
    private static final Path CACHES = Path.of("/sys/devices/system/cpu/cpu0/cache");

    private static final Path MEMORY = Path.of("/proc/meminfo");

    /// A guess for systems that do not tell.
    private static final long USUAL_CACHE_BYTES = 64L << 20;

    private static final long USUAL_MEMORY_BYTES = 8L << 30;

    private MachineMemory() {}

    /// {@return the size of the largest cache, as the operating system tells it; a guess where it
    /// does not}
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

    /// {@return the memory that a program can still get without driving others out; what is free
    /// where nobody tells}
    public static long availableBytes() {
        if (Files.isReadable(MEMORY)) {
            try (Stream<String> lines = Files.lines(MEMORY)) {
                OptionalLong kibibytes =
                        lines.filter(line -> line.startsWith("MemAvailable:"))
                                .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
                                .findFirst();
                if (kibibytes.isPresent()) {
                    return Math.min(kibibytes.getAsLong() << 10, physicalBytes());
                }
            } catch (IOException | NumberFormatException unreadable) {
                return physicalBytes() / 2;
            }
        }
        return ManagementFactory.getOperatingSystemMXBean() instanceof OperatingSystemMXBean system
                ? system.getFreeMemorySize()
                : USUAL_MEMORY_BYTES / 2;
    }

    /// {@return the memory of the machine, or of the container the JVM sees}
    public static long physicalBytes() {
        return ManagementFactory.getOperatingSystemMXBean() instanceof OperatingSystemMXBean system
                ? system.getTotalMemorySize()
                : USUAL_MEMORY_BYTES;
    }
}
