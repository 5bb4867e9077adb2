package dev.halcyon.backend.cpu;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/// The processor's product name, where the operating system tells it in a file.
final class ProcessorName {
    private static final Path CPUINFO = Path.of("/proc/cpuinfo");

    private ProcessorName() {}

    static String read() {
        if (Files.isReadable(CPUINFO)) {
            try (Stream<String> lines = Files.lines(CPUINFO)) {
                return lines.filter(line -> line.startsWith("model name"))
                        .map(line -> line.substring(line.indexOf(':') + 1).strip())
                        .findFirst()
                        .orElseGet(ProcessorName::fallback);
            } catch (IOException unreadable) {
                return fallback();
            }
        }
        return fallback();
    }

    private static String fallback() {
        return System.getProperty("os.arch") + " processor";
    }
}
