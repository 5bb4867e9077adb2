package dev.halcyon.bench.goal;

import org.jspecify.annotations.Nullable;

/// How high a row is to reach.
///
/// @param yardstick what it is held against
/// @param must what must hold; null where there is only something to go for
/// @param aim what to go for
public record Bar(Yardstick yardstick, @Nullable Double must, double aim) {
    /// {@return what a value comes to}
    public Verdict.Standing standing(double value) {
        if (reaches(value, aim)) {
            return Verdict.Standing.REACHED;
        }
        return must == null || reaches(value, must)
                ? Verdict.Standing.HOLDS
                : Verdict.Standing.MISSED;
    }

    private boolean reaches(double value, double wanted) {
        return yardstick.isCost() ? value <= wanted : value >= wanted;
    }

    /// {@return both limits as people read them, `0.90x / 1.20x`}
    public String limits() {
        return must == null
                ? "- / " + yardstick.format(aim)
                : must == aim
                        ? yardstick.format(aim)
                        : yardstick.format(must) + " / " + yardstick.format(aim);
    }
}
