package dev.halcyon.tck.conformance;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.LongStream;

/// How a run is made.
///
/// @param required backends whose absence is a failure and not a skip
/// @param seed where random numbers come from; a failure prints the seed that repeats it
/// @param thorough whether to run the cases that take long, and all others with several seeds
/// @param reports folder that reports are written to
public record ConformanceSettings(
        List<String> required, long seed, boolean thorough, Path reports) {
    /// The seed unless somebody asks for another.
    public static final long DEFAULT_SEED = 20_260_101;

    private static final int THOROUGH_SEEDS = 5;

    public ConformanceSettings {
        required = List.copyOf(required);
    }

    /// {@return what the system properties ask for}
    ///
    /// | property | default |
    /// |---|---|
    /// | `halcyon.tck.require` | none; names of backends, separated by commas |
    /// | `halcyon.tck.seed` | [#DEFAULT_SEED] |
    /// | `halcyon.thorough` | false |
    /// | `halcyon.tck.reports` | `target/conformance` |
    ///
    /// @throws IllegalArgumentException if the seed is no number
    public static ConformanceSettings fromSystemProperties() {
        String seed = System.getProperty("halcyon.tck.seed", Long.toString(DEFAULT_SEED));
        try {
            return new ConformanceSettings(
                    Arrays.stream(System.getProperty("halcyon.tck.require", "").split(",", -1))
                            .map(String::strip)
                            .filter(name -> !name.isEmpty())
                            .toList(),
                    Long.parseLong(seed.strip()),
                    Boolean.getBoolean("halcyon.thorough"),
                    Path.of(System.getProperty("halcyon.tck.reports", "target/conformance")));
        } catch (NumberFormatException malformed) {
            throw new IllegalArgumentException(
                    "halcyon.tck.seed is \"" + seed + "\", not a whole number", malformed);
        }
    }

    /// {@return the seeds that every case runs with}
    public List<Long> seeds() {
        return thorough
                ? LongStream.range(seed, seed + THOROUGH_SEEDS).boxed().toList()
                : List.of(seed);
    }

    /// {@return whether the absence of a backend is a failure}
    public boolean requires(String backend) {
        return required.contains(backend);
    }
}
