package dev.halcyon.bench.goal;

import java.util.Locale;

/// What a row is held against.
public enum Yardstick {
    /// Operations a second over the F32 peak.
    OF_F32_PEAK("of F32 peak", Form.SHARE),
    /// Bytes a second over the read bandwidth.
    OF_BANDWIDTH("of bandwidth", Form.SHARE),
    /// The least time that ceilings allow over the time; without native code, the F32 peak is the
    /// ceiling of all types.
    OF_FLOOR("of floor", Form.SHARE),
    /// The time of the fastest form of libtorch over ours.
    OVER_LIBTORCH("libtorch", Form.RATIO),
    /// The time of the fastest peer over ours.
    OVER_BEST("best peer", Form.RATIO),
    /// Our time with BF16 weights over ours.
    OVER_BF16("our BF16", Form.RATIO),
    /// Our time on one thread over ours.
    OVER_ONE_THREAD("one thread", Form.RATIO),
    /// The time of a call in nanoseconds, at most.
    NANOSECONDS("", Form.NANOSECONDS),
    /// Bytes that a call allocates on the Java heap, at most.
    ALLOCATED_BYTES("allocated", Form.BYTES);

    private enum Form {
        SHARE,
        RATIO,
        NANOSECONDS,
        BYTES
    }

    private final String label;
    private final Form form;

    Yardstick(String label, Form form) {
        this.label = label;
        this.form = form;
    }

    /// {@return what follows a value, empty where its unit says it}
    public String label() {
        return label;
    }

    /// {@return whether less is better}
    public boolean isCost() {
        return form == Form.NANOSECONDS || form == Form.BYTES;
    }

    /// {@return a value as people read it}
    public String format(double value) {
        return switch (form) {
            case SHARE -> String.format(Locale.ROOT, "%.0f%%", value * 100);
            case RATIO -> String.format(Locale.ROOT, "%.2fx", value);
            case NANOSECONDS ->
                    value < 1000
                            ? String.format(Locale.ROOT, "%.0f ns", value)
                            : String.format(Locale.ROOT, "%.2f us", value / 1000);
            case BYTES -> String.format(Locale.ROOT, "%.0f bytes", value);
        };
    }
}
