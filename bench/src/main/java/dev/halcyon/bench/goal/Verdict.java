package dev.halcyon.bench.goal;

import dev.halcyon.bench.result.NativeCode;

import org.jspecify.annotations.Nullable;

/// How a row stands to a bar.
///
/// @param target the line of the table
/// @param title the case, with its suite
/// @param side with or without native code
/// @param bar how high it was to reach
/// @param value how high it reaches; null where it was not measured
/// @param contended whether other programs disturbed the row
/// @param remark why there is no value, or what else is to be said
public record Verdict(
        Target target,
        String title,
        NativeCode side,
        Bar bar,
        @Nullable Double value,
        boolean contended,
        String remark) {
    /// How good that is.
    public enum Standing {
        /// As good as was hoped for.
        REACHED,
        /// What must hold does.
        HOLDS,
        /// What must hold does not.
        MISSED,
        /// Nobody knows.
        UNKNOWN
    }

    /// {@return how good it is}
    public Standing standing() {
        return value == null ? Standing.UNKNOWN : bar.standing(value);
    }

    /// {@return how good it is, in a word or two}
    public String word() {
        return switch (standing()) {
            case REACHED -> "reached";
            case HOLDS -> bar.must() == null ? "not reached" : "holds";
            case MISSED -> "missed";
            case UNKNOWN -> remark;
        };
    }

    /// {@return the value with its unit and, where it is a peer's, the peer: `1.07x oneDNN`}
    public String measured() {
        if (value == null) {
            return "";
        }
        String what = remark.isEmpty() ? bar.yardstick().label() : remark;
        return (bar.yardstick().format(value) + " " + what).strip()
                + (contended ? " (contended)" : "");
    }

    /// {@return what was wanted, with its unit: `0.90x / 1.20x libtorch`}
    public String wanted() {
        return (bar.limits() + " " + bar.yardstick().label()).strip();
    }
}
