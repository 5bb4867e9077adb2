package dev.halcyon.tck.conformance;

import dev.halcyon.tck.verify.Verdict;

import java.util.Collections;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;

/// What a device made of a case.
///
/// @param name the case
/// @param spec the spec that it is about
/// @param verdict what it came to
/// @param error largest error, relative to the largest magnitude of its tensor; NaN where nothing
///   was compared
/// @param tolerance what is let through; NaN likewise
/// @param implementations names of the implementations that ran it
/// @param detail the reason, or what was wrong; empty where nothing is to be said
public record CaseResult(
        String name,
        String spec,
        Verdict verdict,
        double error,
        double tolerance,
        Set<String> implementations,
        String detail) {
    public CaseResult {
        implementations = Collections.unmodifiableSet(new TreeSet<>(implementations));
    }

    /// {@return this result of a case that its backend excused: a failure counts as XFAIL, anything
    /// else as failure}
    public CaseResult excused(String reason) {
        return verdict == Verdict.FAIL
                ? with(Verdict.XFAIL, reason + " (" + detail + ")")
                : with(
                        Verdict.FAIL,
                        "expected to fail ("
                                + reason
                                + "), but it came to "
                                + verdict
                                + "; take the exception out");
    }

    private CaseResult with(Verdict other, String why) {
        return new CaseResult(name, spec, other, error, tolerance, implementations, why);
    }

    /// {@return the verdict in one line}
    public String line() {
        String numbers =
                Double.isNaN(error)
                        ? "-"
                        : String.format(Locale.ROOT, "%.1e %.1e", error, tolerance);
        return (verdict
                        + " "
                        + name
                        + " "
                        + numbers
                        + " "
                        + String.join(",", implementations)
                        + " "
                        + detail)
                .strip();
    }
}
