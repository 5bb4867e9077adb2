package dev.halcyon.bench.round;

import dev.halcyon.bench.load.ForeignLoad;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;

/// Times entrants in alternating rounds, so that whatever happens to the machine happens to all of
/// them.
///
/// A round is quiet when nobody but the entrant whose turn it was used more than
/// [ForeignLoad#QUIET] of the processors while it lasted. Disturbed rounds are repeated, up to as
/// many again; if there are not three quiet ones then, all count and the measurement is marked.
///
/// @param pace how long
/// @param load tells what others do
public record Rounds(Pace pace, ForeignLoad load) {
    private static final int LEAST_QUIET = 3;
    private static final int LEAST_WARM_UP_RUNS = 1;
    private static final int MOST_RUNS = 10_000;

    /// Later blocks of the warm-up may still be this much faster than earlier ones.
    private static final double SETTLED = 0.97;

    /// One entrant's rounds.
    ///
    /// @param median median of the rounds' medians, in seconds
    /// @param spread largest less smallest of them, relative to the median
    /// @param rounds their number
    public record Series(double median, double spread, int rounds) {
        static Series of(List<Double> medians) {
            List<Double> sorted = new ArrayList<>(medians);
            Collections.sort(sorted);
            double median = middle(sorted.stream().mapToDouble(Double::doubleValue).toArray());
            return new Series(
                    median, (sorted.getLast() - sorted.getFirst()) / median, sorted.size());
        }
    }

    /// What came of it.
    ///
    /// @param series by entrant, for those that lasted
    /// @param failures why the others did not
    /// @param contended whether others disturbed it
    /// @param foreignLoad the median share of processors that others used in the rounds that count
    public record Measurement(
            Map<Entrant, Series> series,
            Map<Entrant, String> failures,
            boolean contended,
            OptionalDouble foreignLoad) {}

    /// One round: the median of each entrant's runs, and what others did meanwhile.
    private record Round(Map<Entrant, Double> medians, OptionalDouble foreign) {
        boolean isQuiet() {
            return foreign.orElse(0) < ForeignLoad.QUIET;
        }
    }

    /// Warms everybody up and times them.
    ///
    /// @param entrants who takes part
    /// @param beside done once in each round: a glance at the ceilings
    public Measurement measure(List<? extends Entrant> entrants, Runnable beside) {
        Map<Entrant, String> failures = new LinkedHashMap<>();
        Map<Entrant, Integer> runs = new LinkedHashMap<>();
        double[] seconds = {0};
        for (Entrant entrant : entrants) {
            attempt(
                    entrant,
                    failures,
                    () -> {
                        double run = warmUp(entrant);
                        runs.put(entrant, runsPerRound(run));
                        seconds[0] += run * runsPerRound(run);
                    });
        }
        int wanted = rounds(seconds[0]);
        int most = Math.max(wanted, pace.mostRounds() * wanted / pace.rounds());
        List<Round> rounds = new ArrayList<>();
        long quiet = 0;
        while (quiet < wanted && rounds.size() < most && !runs.isEmpty()) {
            Round round = round(rounds.size() % 2 == 0, runs, failures, beside);
            failures.keySet().forEach(runs::remove);
            rounds.add(round);
            quiet += round.isQuiet() ? 1 : 0;
        }
        boolean contended = quiet < Math.min(LEAST_QUIET, wanted);
        List<Round> counted = contended ? rounds : rounds.stream().filter(Round::isQuiet).toList();
        Map<Entrant, Series> series = new LinkedHashMap<>();
        for (Entrant entrant : runs.keySet()) {
            series.put(
                    entrant,
                    Series.of(counted.stream().map(round -> round.medians.get(entrant)).toList()));
        }
        double[] foreign =
                counted.stream()
                        .filter(round -> round.foreign.isPresent())
                        .mapToDouble(round -> round.foreign.getAsDouble())
                        .toArray();
        return new Measurement(
                series,
                failures,
                contended,
                foreign.length == 0 ? OptionalDouble.empty() : OptionalDouble.of(middle(foreign)));
    }

    /// {@return how many rounds of that length there is time for}
    private int rounds(double roundSeconds) {
        return Math.clamp(
                (long) (pace.roundsSeconds() / roundSeconds),
                Math.min(LEAST_QUIET, pace.rounds()),
                pace.rounds());
    }

    private Round round(
            boolean forwards,
            Map<Entrant, Integer> runs,
            Map<Entrant, String> failures,
            Runnable beside) {
        List<Entrant> order = new ArrayList<>(runs.keySet());
        if (!forwards) {
            Collections.reverse(order);
        }
        Map<Entrant, Double> medians = new LinkedHashMap<>();
        ForeignLoad.Tally tally = load.tally();
        ForeignLoad.Moment start = load.now();
        beside.run();
        tally.add(start, load.now());
        for (Entrant entrant : order) {
            attempt(
                    entrant,
                    failures,
                    () -> {
                        ForeignLoad.Moment before = load.now(entrant.process());
                        double[] seconds = entrant.run(runs.get(entrant));
                        tally.add(before, load.now(entrant.process()));
                        medians.put(entrant, middle(seconds));
                    });
        }
        return new Round(medians, tally.share());
    }

    /// Whoever fails is parked like the others, for it may still be at work.
    private static void attempt(Entrant entrant, Map<Entrant, String> failures, Runnable turn) {
        try {
            entrant.resume();
            turn.run();
        } catch (Entrant.EntrantFailure failure) {
            failures.put(entrant, String.valueOf(failure.getMessage()));
        }
        try {
            entrant.park();
        } catch (Entrant.EntrantFailure failure) {
            failures.putIfAbsent(entrant, String.valueOf(failure.getMessage()));
        }
    }

    private int runsPerRound(double runSeconds) {
        return Math.clamp(Math.round(pace.roundSeconds() / runSeconds), 1, MOST_RUNS);
    }

    /// Runs until times have settled, which for Java is when the compiler has.
    private double warmUp(Entrant entrant) {
        long start = System.nanoTime();
        double best = Double.POSITIVE_INFINITY;
        int times = LEAST_WARM_UP_RUNS;
        while (true) {
            double median = middle(entrant.run(times));
            double elapsed = (System.nanoTime() - start) / 1e9;
            boolean settled = median >= SETTLED * best;
            best = Math.min(best, median);
            // A run of seconds has long been compiled when it ends.
            boolean isLong = median >= pace.leastWarmUpSeconds();
            if (elapsed >= pace.mostWarmUpSeconds()
                    || (settled || isLong) && elapsed >= pace.leastWarmUpSeconds()) {
                return best;
            }
            times =
                    Math.clamp(
                            Math.round(pace.leastWarmUpSeconds() / 4 / median),
                            LEAST_WARM_UP_RUNS,
                            MOST_RUNS);
        }
    }

    private static double middle(double[] values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        int half = sorted.length / 2;
        return sorted.length % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
    }
}
