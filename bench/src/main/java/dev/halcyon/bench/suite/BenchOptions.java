package dev.halcyon.bench.suite;

import java.util.List;
import java.util.Set;

/// What to run.
///
/// @param suites of [#SUITES]
/// @param quick whether to end within three minutes
/// @param peers whether other libraries take part
/// @param targets whether only what the project has targets for is run
/// @param text part of the names of the cases to run; empty for all
public record BenchOptions(
        Set<String> suites, boolean quick, boolean peers, boolean targets, String text) {
    /// The parts of the benchmark, in the order in which they run.
    public static final List<String> SUITES = List.of("gemm", "moe", "mla", "muon", "hal");

    public BenchOptions {
        suites = Set.copyOf(suites);
        for (String suite : suites) {
            if (!SUITES.contains(suite)) {
                throw new IllegalArgumentException(
                        "suite \"" + suite + "\" is none of " + SUITES + " and all");
            }
        }
    }
}
