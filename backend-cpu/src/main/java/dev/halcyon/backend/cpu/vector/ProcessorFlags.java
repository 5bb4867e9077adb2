package dev.halcyon.backend.cpu.vector;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/// What instructions the processor has, where the operating system tells it in a file; the Vector
/// API does not, and an operation without an instruction costs hundreds of others.
final class ProcessorFlags {
    private static final Path CPUINFO = Path.of("/proc/cpuinfo");
    private static final Set<String> FLAGS = read();

    private ProcessorFlags() {}

    /// {@return whether the processor is known to have this feature, by Linux's name}
    static boolean has(String flag) {
        return FLAGS.contains(flag);
    }

    private static Set<String> read() {
        if (!Files.isReadable(CPUINFO)) {
            return Set.of();
        }
        try (Stream<String> lines = Files.lines(CPUINFO)) {
            String flags = lines.filter(line -> line.startsWith("flags")).findFirst().orElse("");
            return new HashSet<>(List.of(flags.split("[:\\s]+", -1)));
        } catch (IOException unreadable) {
            return Set.of();
        }
    }
}
