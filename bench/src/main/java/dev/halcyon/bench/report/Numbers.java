package dev.halcyon.bench.report;

import java.util.Locale;

/// Numbers as people read them.
final class Numbers {
    private Numbers() {}

    static String time(double seconds) {
        return seconds < 1e-6
                ? of("%.0f\u00a0ns", seconds * 1e9)
                : seconds < 1e-3
                        ? of("%.1f\u00a0µs", seconds * 1e6)
                        : seconds < 1
                                ? of("%.2f\u00a0ms", seconds * 1e3)
                                : of("%.2f\u00a0s", seconds);
    }

    /// {@return a rate in billions}
    static String giga(double perSecond) {
        double value = perSecond / 1e9;
        return value >= 100
                ? of("%.0f", value)
                : value >= 10 ? of("%.1f", value) : of("%.2f", value);
    }

    static String percent(double share) {
        return of("%.0f\u00a0%%", share * 100);
    }

    static String ratio(double ratio) {
        return of("%.2f×", ratio);
    }

    static String bytes(long bytes) {
        return bytes >= 1L << 30
                ? of("%.0f\u00a0GiB", bytes / (double) (1L << 30))
                : of("%.0f\u00a0MiB", bytes / (double) (1L << 20));
    }

    static String of(String format, double value) {
        return String.format(Locale.ROOT, format, value);
    }
}
