package dev.halcyon.bench.round;

import java.time.Duration;

/// How much time measuring takes.
///
/// @param rounds quiet rounds in which everybody has a turn
/// @param mostRounds rounds altogether, where some are disturbed
/// @param roundSeconds how long a turn lasts, where one run is shorter
/// @param leastWarmUpSeconds how long everybody runs before the first round
/// @param mostWarmUpSeconds how long, where times have not settled yet
/// @param roundsSeconds how long the rounds of a case may take together: where runs are long there
///   are fewer, at least three
/// @param quietWait how long a case waits for others to leave the machine alone
/// @param quietTotal how long all cases wait together
/// @param runSeconds the longest run that is measured
/// @param scaling whether what is bound by computing is timed on one thread as well
public record Pace(
        int rounds,
        int mostRounds,
        double roundSeconds,
        double leastWarmUpSeconds,
        double mostWarmUpSeconds,
        double roundsSeconds,
        Duration quietWait,
        Duration quietTotal,
        double runSeconds,
        boolean scaling) {
    /// For figures that are kept.
    public static final Pace FULL =
            new Pace(
                    7,
                    14,
                    0.3,
                    1.2,
                    4,
                    30,
                    Duration.ofSeconds(60),
                    Duration.ofMinutes(4),
                    60,
                    true);

    /// For a look, in three minutes altogether.
    public static final Pace QUICK =
            new Pace(
                    5,
                    6,
                    0.12,
                    0.4,
                    1.2,
                    6,
                    Duration.ofSeconds(2),
                    Duration.ofSeconds(10),
                    2,
                    false);

    /// {@return about how long a case takes with so many entrants, to tell the time left}
    ///
    /// @param runSeconds about how long one run takes
    public double caseSeconds(int entrants, double runSeconds) {
        double turn = Math.max(roundSeconds, runSeconds);
        double timed =
                Math.min(Math.max(roundsSeconds, 3 * turn * entrants), rounds * turn * entrants);
        return entrants * Math.max(leastWarmUpSeconds, 2 * runSeconds) + timed + 2;
    }
}
