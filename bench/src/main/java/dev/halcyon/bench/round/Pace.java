package dev.halcyon.bench.round;

import java.time.Duration;

/// How much time measuring takes.
///
/// @param rounds quiet rounds in which everybody has a turn
/// @param mostRounds rounds altogether, where some are disturbed
/// @param roundSeconds how long a turn lasts, where one run is shorter
/// @param leastWarmUpSeconds how long everybody runs before the first round
/// @param mostWarmUpSeconds how long, where times have not settled yet
/// @param quietWait how long a case waits for others to leave the machine alone
/// @param runSeconds the longest run that is measured
/// @param scaling whether what is bound by computing is timed on one thread as well
public record Pace(
        int rounds,
        int mostRounds,
        double roundSeconds,
        double leastWarmUpSeconds,
        double mostWarmUpSeconds,
        Duration quietWait,
        double runSeconds,
        boolean scaling) {
    /// For figures that are kept.
    public static final Pace FULL = new Pace(7, 14, 0.3, 1.5, 5, Duration.ofSeconds(90), 120, true);

    /// For a look, in three minutes altogether.
    public static final Pace QUICK =
            new Pace(5, 6, 0.12, 0.4, 1.2, Duration.ofSeconds(2), 2, false);

    /// {@return about how long a case takes with so many entrants, to tell the time left}
    public double caseSeconds(int entrants) {
        return entrants * (leastWarmUpSeconds + rounds * roundSeconds) + 2;
    }
}
