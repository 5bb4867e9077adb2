package dev.halcyon.bench.run;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/// Medians of repeated runs.
final class Timing {
    private static final int LEAST_RUNS = 3;
    private static final int MOST_RUNS = 50;

    private Timing() {}

    /// Runs until the compiler has settled, then takes the median over about `budgetSeconds`.
    static double median(double budgetSeconds, Runnable run) {
        double warmUp = Math.min(1.5, budgetSeconds / 2);
        long start = System.nanoTime();
        do {
            run.run();
        } while (seconds(start) < warmUp);
        List<Double> times = new ArrayList<>();
        long measured = System.nanoTime();
        while (times.size() < LEAST_RUNS
                || seconds(measured) < budgetSeconds && times.size() < MOST_RUNS) {
            long before = System.nanoTime();
            run.run();
            times.add(seconds(before));
        }
        Collections.sort(times);
        return times.get(times.size() / 2);
    }

    private static double seconds(long sinceNanos) {
        return (System.nanoTime() - sinceNanos) / 1e9;
    }
}
