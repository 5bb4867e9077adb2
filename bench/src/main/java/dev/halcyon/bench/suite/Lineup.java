package dev.halcyon.bench.suite;

import dev.halcyon.bench.problem.Problem;
import dev.halcyon.bench.result.NativeCode;
import dev.halcyon.bench.round.Entrant;
import dev.halcyon.bench.round.Pace;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;

/// Our own entrants in a case: every side that has a kernel of its own for it.
final class Lineup implements AutoCloseable {
    private static final int FIRST_RUNS = 5;

    private final Pace pace;
    private final List<Runner> runners = new ArrayList<>();
    private final List<String> refusals = new ArrayList<>();

    /// @param pace how long a run may take
    Lineup(Pace pace) {
        this.pace = pace;
    }

    /// {@return those that take part}
    List<Runner> runners() {
        return Collections.unmodifiableList(runners);
    }

    /// {@return why others do not}
    List<String> refusals() {
        return Collections.unmodifiableList(refusals);
    }

    /// One of ours.
    static final class Runner {
        private final Side side;
        private final Workload workload;
        private final Accuracy accuracy;
        private final SubjectEntrant entrant;
        private @Nullable NativeCode nativeCode;
        private @Nullable Workload alone;
        private @Nullable SubjectEntrant aloneEntrant;

        private Runner(Side side, Workload workload, Accuracy accuracy) {
            this.side = side;
            this.workload = workload;
            this.accuracy = accuracy;
            this.nativeCode = side.nativeCode();
            this.entrant = new SubjectEntrant(side.all().id(), workload);
        }

        Side side() {
            return side;
        }

        Workload workload() {
            return workload;
        }

        Accuracy accuracy() {
            return accuracy;
        }

        SubjectEntrant entrant() {
            return entrant;
        }

        @Nullable NativeCode nativeCode() {
            return nativeCode;
        }

        /// {@return the entrant on one thread, or null}
        @Nullable SubjectEntrant aloneEntrant() {
            return aloneEntrant;
        }
    }

    /// Sets the problem up on a side and checks the result, unless a kernel without native code is
    /// there already that would be the same.
    ///
    /// @param scales whether it is timed on one thread as well
    void enter(Side side, Problem problem, Copies copies, boolean scales) {
        Workload workload = side.all().prepare(problem, copies.count());
        Optional<Runner> twin =
                runners.stream().filter(other -> isSame(other.workload, workload)).findFirst();
        if (twin.isPresent()) {
            twin.get().nativeCode = NativeCode.SAME;
            workload.close();
            return;
        }
        try {
            double run = firstRuns(workload);
            if (run > pace.runSeconds()) {
                refusals.add(
                        "one run of "
                                + workload.support().implementation()
                                + " takes "
                                + Math.round(run)
                                + " s here, too long to repeat");
                workload.close();
                return;
            }
            Runner runner = new Runner(side, workload, workload.check().get());
            Subject single = side.single();
            if (scales && single != null) {
                Workload alone = single.prepare(problem, copies.count());
                runner.alone = alone;
                runner.aloneEntrant = new SubjectEntrant(single.id() + " on one thread", alone);
            }
            runners.add(runner);
        } catch (RuntimeException failed) {
            workload.close();
            throw failed;
        }
    }

    /// What is lowered has parts that its name does not tell.
    private static boolean isSame(Workload one, Workload other) {
        return !one.support().lowered()
                && one.support().implementation().equals(other.support().implementation());
    }

    /// {@return the seconds of one run; the first ones are not compiled yet and take a hundred
    /// times as long}
    private double firstRuns(Workload workload) {
        double shortest = Double.POSITIVE_INFINITY;
        double total = 0;
        for (int i = 0;
                i < FIRST_RUNS && shortest > pace.runSeconds() && total < 2 * pace.runSeconds();
                i++) {
            long start = System.nanoTime();
            workload.run(i);
            double seconds = (System.nanoTime() - start) / 1e9;
            shortest = Math.min(shortest, seconds);
            total += seconds;
        }
        return shortest;
    }

    /// {@return everybody who runs}
    List<Entrant> entrants() {
        List<Entrant> entrants = new ArrayList<>();
        for (Runner runner : runners) {
            entrants.add(runner.entrant);
            if (runner.aloneEntrant != null) {
                entrants.add(runner.aloneEntrant);
            }
        }
        return Collections.unmodifiableList(entrants);
    }

    /// Gives up what was set up.
    @Override
    public void close() {
        for (Runner runner : runners) {
            runner.workload.close();
            if (runner.alone != null) {
                runner.alone.close();
            }
        }
    }
}
