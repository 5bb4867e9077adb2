package dev.halcyon.hal.kernel.optimizer;

import dev.halcyon.hal.kernel.Require;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/// One step of a Newton-Schulz iteration: it maps every singular value `s` to `a s + b s³ + c s⁵`.
///
/// @param a factor of the matrix itself
/// @param b factor of its cube
/// @param c factor of its fifth power
public record Coefficients(double a, double b, double c) {
    /// Keller Jordan's step: steep at 0, but it ends near 1, not at it.
    private static final Coefficients STEEP = new Coefficients(3.4445, -4.7750, 2.0315);

    /// The published steps of Polar Express, before the safety factor; the last one repeats.
    private static final List<Coefficients> OPTIMAL =
            List.of(
                    new Coefficients(8.28721201814563, -23.595886519098837, 17.300387312530933),
                    new Coefficients(4.107059111542203, -2.9478499167379106, 0.5448431082926601),
                    new Coefficients(3.9486908534822946, -2.908902115962949, 0.5518191394370137),
                    new Coefficients(3.3184196573706015, -2.488488024314874, 0.51004894012372),
                    new Coefficients(2.300652019954817, -1.6689039845747493, 0.4188073119525673),
                    new Coefficients(1.891301407787398, -1.2679958271945868, 0.37680408948524835),
                    new Coefficients(1.8750014808534479, -1.2500016453999487, 0.3750001645474248),
                    new Coefficients(1.875, -1.25, 0.375));

    /// Keller Jordan's five equal steps, of the first Muon and of Moonlight: singular values of
    /// 0.01 to 1 end in 0.68 to 1.14.
    public static final List<Coefficients> KELLER_JORDAN = repeat(STEEP, 5);

    /// Ten steps of DeepSeek-V4: eight steep ones, then two whose fixed point is exactly 1.
    public static final List<Coefficients> DEEPSEEK_V4 =
            concat(repeat(STEEP, 8), repeat(new Coefficients(2, -1.5, 0.5), 2));

    /// Eight steps of Polar Express with a safety factor of 1.01: singular values of 0.001 to 1 end
    /// at 1.
    public static final List<Coefficients> POLAR_EXPRESS = polarExpress(8, 1.01);

    /// The five steps known as YOU: singular values of 0.01 to 1 end in 0.97 to 1.04.
    public static final List<Coefficients> YOU =
            List.of(
                    new Coefficients(4.0848, -6.8946, 2.9270),
                    new Coefficients(3.9505, -6.3029, 2.6377),
                    new Coefficients(3.7418, -5.5913, 2.3037),
                    new Coefficients(2.8769, -3.1427, 1.2046),
                    new Coefficients(2.8366, -3.0525, 1.2012));

    /// The five steps of Dion2.
    public static final List<Coefficients> DION2 =
            List.of(
                    new Coefficients(8.156554524902461, -22.48329292557795, 15.878769915207462),
                    new Coefficients(4.042929935166739, -2.808917465908714, 0.5000178451051316),
                    new Coefficients(3.8916678022926607, -2.772484153217685, 0.5060648178503393),
                    new Coefficients(3.285753657755655, -2.3681294933425376, 0.46449024233003106),
                    new Coefficients(2.3465413258596377, -1.7097828382687081, 0.42323551169305323));

    public Coefficients {
        Require.finite("a", a);
        Require.finite("b", b);
        Require.finite("c", c);
    }

    /// {@return the first steps of Polar Express, the last published one repeating}
    ///
    /// A step is optimal for singular values of at most 1; rounding may leave some above. Dividing
    /// by powers of the safety factor, `(a / s, b / s³, c / s⁵)`, leaves room for that. The last
    /// published step, which converges anyway, is never divided. Source: the Polar Express paper;
    /// the authors of Gram Newton-Schulz use 1.05.
    ///
    /// @param steps number of steps
    /// @param safety 1 or a little more
    public static List<Coefficients> polarExpress(int steps, double safety) {
        Require.positive("steps", steps);
        Require.that(
                safety >= 1 && Double.isFinite(safety),
                "safety must be a finite number of at least 1, not " + safety);
        List<Coefficients> result = new ArrayList<>();
        for (int i = 0; i < steps; i++) {
            result.add(
                    i < OPTIMAL.size() - 1 ? OPTIMAL.get(i).dividedBy(safety) : OPTIMAL.getLast());
        }
        return List.copyOf(result);
    }

    /// {@return `count` equal steps}
    public static List<Coefficients> repeat(Coefficients step, int count) {
        return List.copyOf(Collections.nCopies(Require.positive("count", count), step));
    }

    /// {@return where this step takes a singular value}
    public double apply(double singularValue) {
        double square = singularValue * singularValue;
        return singularValue * (a + square * (b + square * c));
    }

    private Coefficients dividedBy(double s) {
        return new Coefficients(a / s, b / (s * s * s), c / (s * s * s * s * s));
    }

    private static List<Coefficients> concat(List<Coefficients> first, List<Coefficients> then) {
        List<Coefficients> all = new ArrayList<>(first);
        all.addAll(then);
        return List.copyOf(all);
    }
}
