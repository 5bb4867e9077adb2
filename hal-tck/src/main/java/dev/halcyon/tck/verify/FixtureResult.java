package dev.halcyon.tck.verify;

import java.util.Locale;

/// The verdict on one case: that of the worst of its runs.
///
/// @param name the case, `d01_mla_qlora`, or its gradients, `d01_mla_qlora#grad`
/// @param verdict what it came to
/// @param error largest difference of the worst tensor, relative to the tensor's largest magnitude;
///   NaN where nothing was compared
/// @param tolerance what is let through; NaN where nothing was compared
/// @param storage how the worst run stored its operands: `F32`, `BF16 bounded`, `exact`
/// @param detail the tensor with the largest error, the reason, or the message; and what was left
///   out
public record FixtureResult(
        String name,
        Verdict verdict,
        double error,
        double tolerance,
        String storage,
        String detail) {
    static FixtureResult declined(String name, String reason) {
        return new FixtureResult(name, Verdict.DECLINED, Double.NaN, Double.NaN, "", reason);
    }

    static FixtureResult failed(String name, String message) {
        return new FixtureResult(name, Verdict.FAIL, Double.NaN, Double.NaN, "", message);
    }

    /// {@return the verdict in one line: `PASS d01_mla_qlora 4.1e-07 2.0e-05 F32: out.y`}
    public String line() {
        String numbers =
                Double.isNaN(error)
                        ? "-"
                        : String.format(Locale.ROOT, "%.1e %.1e", error, tolerance);
        String where = storage.isEmpty() ? "" : storage + ": ";
        return (verdict + " " + name + " " + numbers + " " + where + detail).strip();
    }
}
