package dev.halcyon.tck.verify;

import java.util.List;

/// The verdicts on all cases of a run.
///
/// @param results one a line, in the order of the cases
public record VerificationReport(List<FixtureResult> results) {
    public VerificationReport {
        results = List.copyOf(results);
    }

    /// {@return how many came to `verdict`}
    public long count(Verdict verdict) {
        return results.stream().filter(result -> result.verdict() == verdict).count();
    }

    /// {@return the last line of a report: `90 passed, 0 failed, 41 declined`}
    public String summary() {
        return count(Verdict.PASS)
                + " passed, "
                + count(Verdict.FAIL)
                + " failed, "
                + count(Verdict.DECLINED)
                + " declined";
    }

    /// {@return 1 if anything failed, else 2 if anything was declined, else 0}
    public int exitCode() {
        return count(Verdict.FAIL) > 0 ? 1 : count(Verdict.DECLINED) > 0 ? 2 : 0;
    }
}
