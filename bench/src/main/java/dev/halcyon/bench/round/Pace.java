package dev.halcyon.bench.round;

import java.time.Duration;

/// How much time measuring takes.
///
/// @param rounds rounds in which everybody has a turn
/// @param roundSeconds how long a turn lasts, where one run is shorter
/// @param leastWarmUpSeconds how long everybody runs before the first round
/// @param mostWarmUpSeconds how long, where times have not settled yet
/// @param quietWait how long a case waits for others to leave the machine alone
/// @param runSeconds the longest run that is measured
public record Pace(
        int rounds,
        double roundSeconds,
        double leastWarmUpSeconds,
        double mostWarmUpSeconds,
        Duration quietWait,
        double runSeconds) {
    /// For figures that are kept.
    public static final Pace FULL = new Pace(7, 0.3, 1.5, 5, Duration.ofSeconds(90), 120);

    /// For a look, in three minutes altogether.
    public static final Pace QUICK = new Pace(3, 0.12, 0.6, 1.5, Duration.ofSeconds(2), 4);

    /// {@return about how long a case takes with so many entrants, to tell the time left}
    public double caseSeconds(int entrants) {
        return entrants * (leastWarmUpSeconds + rounds * roundSeconds) + 2;
    }
}
