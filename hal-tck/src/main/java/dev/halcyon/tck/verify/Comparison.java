package dev.halcyon.tck.verify;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Collectors;

/// Collects the discrepancies of one run of one case.
final class Comparison {
    private static final Comparator<Discrepancy> BY_SEVERITY =
            Comparator.comparingDouble(Discrepancy::severity).thenComparingDouble(Discrepancy::error);

    private final double tolerance;
    private final List<Discrepancy> found = new ArrayList<>();
    private final List<String> notes = new ArrayList<>();

    /// @param tolerance what [#close] lets through
    Comparison(double tolerance) {
        this.tolerance = tolerance;
    }

    double tolerance() {
        return tolerance;
    }

    void close(String tensor, double[] expected, double[] actual) {
        within(tensor, expected, actual, tolerance);
    }

    void within(String tensor, double[] expected, double[] actual, double allowed) {
        found.add(Discrepancy.of(tensor, expected, actual, allowed));
    }

    void exact(String tensor, double[] expected, double[] actual) {
        within(tensor, expected, actual, 0);
    }

    void exact(String tensor, int[] expected, int[] actual) {
        exact(tensor, widened(expected), widened(actual));
    }

    /// Says what was left out or cannot be compared.
    void note(String text) {
        notes.add(text);
    }

    FixtureResult result(String name, String storage) {
        Discrepancy worst = found.stream()
                .max(BY_SEVERITY)
                .orElseThrow(() -> new IllegalArgumentException(
                        "nothing could be compared: the case has none of the outputs of its kind"));
        String remarks = notes.stream().collect(Collectors.joining("; ", notes.isEmpty() ? "" : "; ", ""));
        Verdict verdict = found.stream().allMatch(Discrepancy::isWithin) ? Verdict.PASS : Verdict.FAIL;
        return new FixtureResult(
                name, verdict, worst.error(), worst.tolerance(), storage, worst.describe() + remarks);
    }

    private static double[] widened(int[] values) {
        double[] wide = new double[values.length];
        for (int i = 0; i < wide.length; i++) {
            wide[i] = values[i];
        }
        return wide;
    }
}
