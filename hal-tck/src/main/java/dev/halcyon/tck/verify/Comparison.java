package dev.halcyon.tck.verify;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Collectors;

/// Collects the discrepancies of one run of one case.
final class Comparison {
    private static final Comparator<Discrepancy> BY_SEVERITY =
            Comparator.comparingDouble(Discrepancy::severity)
                    .thenComparingDouble(Discrepancy::error);

    private final double tolerance;
    private final double roundoff;
    private final List<Discrepancy> found = new ArrayList<>();
    private final List<String> notes = new ArrayList<>();
    private int excused;

    /// @param tolerance what [#close] lets through
    /// @param roundoff unit roundoff of the run's element type
    Comparison(double tolerance, double roundoff) {
        this.tolerance = tolerance;
        this.roundoff = roundoff;
    }

    double roundoff() {
        return roundoff;
    }

    double tolerance() {
        return tolerance;
    }

    void close(String tensor, double[] expected, double[] actual) {
        within(tensor, expected, actual, tolerance);
    }

    /// Compares rows, and excuses those that are off where `ties` says that they have no defined
    /// result.
    void closeRows(String tensor, double[] expected, double[] actual, Ties ties) {
        if (expected.length != actual.length || ties.tokens() == 0) {
            close(tensor, expected, actual);
            return;
        }
        double allowed = tolerance * Arrays.stream(expected).map(Math::abs).max().orElse(0);
        double[] excusing = actual.clone();
        int width = expected.length / ties.tokens();
        for (int t = 0; t < ties.tokens(); t++) {
            if (ties.leavesOut(t) && isOff(expected, actual, t * width, width, allowed)) {
                System.arraycopy(expected, t * width, excusing, t * width, width);
                excused++;
            }
        }
        close(tensor, expected, excusing);
    }

    private static boolean isOff(
            double[] expected, double[] actual, int from, int count, double allowed) {
        for (int i = from; i < from + count; i++) {
            if (!(Math.abs(expected[i] - actual[i]) <= allowed)) {
                return true;
            }
        }
        return false;
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
        Discrepancy worst =
                found.stream()
                        .max(BY_SEVERITY)
                        .orElseThrow(
                                () ->
                                        new IllegalArgumentException(
                                                "nothing could be compared: the case has none of"
                                                        + " the outputs of its kind"));
        if (excused > 0) {
            note(
                    excused
                            + (excused == 1 ? " row" : " rows")
                            + " excused, whose experts or logits are closer than the element type"
                            + " tells apart");
        }
        String remarks =
                notes.stream().collect(Collectors.joining("; ", notes.isEmpty() ? "" : "; ", ""));
        Verdict verdict =
                found.stream().allMatch(Discrepancy::isWithin) ? Verdict.PASS : Verdict.FAIL;
        return new FixtureResult(
                name,
                verdict,
                worst.error(),
                worst.tolerance(),
                storage,
                worst.describe() + remarks);
    }

    private static double[] widened(int[] values) {
        double[] wide = new double[values.length];
        for (int i = 0; i < wide.length; i++) {
            wide[i] = values[i];
        }
        return wide;
    }
}
