package dev.halcyon.bench.suite;

import dev.halcyon.bench.result.BenchFile;
import dev.halcyon.bench.result.Result;

/// What a run came to.
///
/// @param file its results
/// @param failures cases that failed: a wrong result, a failed device, a share above what is
///   possible
public record BenchOutcome(BenchFile file, int failures) {
    /// {@return 1 if anything failed, else 2 if anything was not run, else 0}
    public int exitCode() {
        return failures > 0 ? 1 : file.notRun().isEmpty() ? 0 : 2;
    }

    /// {@return the counts in one line}
    public String summary() {
        long good = file.results().stream().filter(Result::isGood).count();
        long contended = file.results().stream().filter(Result::contended).count();
        return good
                + " measured, "
                + failures
                + " failed, "
                + file.notRun().size()
                + " not run, "
                + contended
                + " contended"
                + (file.absentPeers().isEmpty()
                        ? ""
                        : ", " + file.absentPeers().size() + " peers absent");
    }
}
