package dev.halcyon.bench.suite;

import dev.halcyon.bench.ceiling.MachineCeilings;
import dev.halcyon.bench.load.ForeignLoad;
import dev.halcyon.bench.peer.PeerTeam;
import dev.halcyon.bench.problem.Problem;
import dev.halcyon.bench.result.Result;
import dev.halcyon.bench.result.Result.PeerResult;
import dev.halcyon.bench.round.Entrant;
import dev.halcyon.bench.round.Pace;
import dev.halcyon.bench.round.Rounds;
import dev.halcyon.bench.round.Rounds.Measurement;
import dev.halcyon.bench.round.Rounds.Series;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.BiConsumer;

/// One case on one device: set up, checked, timed beside its peers and the ceilings.
///
/// @param pace how long to measure
/// @param load tells what other programs do
/// @param subject the device
/// @param single the same device on one thread, or null
/// @param team the peers
record CaseRun(
        Pace pace, ForeignLoad load, Subject subject, @Nullable Subject single, PeerTeam team) {
    private static final int COMPARED_ELEMENTS = 512;

    private static final int FIRST_RUNS = 5;

    /// More than a measurement's noise above the ceiling means that the ceiling is wrong.
    private static final double IMPOSSIBLE_SHARE = 1.02;

    /// What came of a case.
    ///
    /// @param results its rows: one, and one more on a single thread
    /// @param notRun why there are none
    record Outcome(List<Result> results, Optional<String> notRun) {
        static Outcome none(String reason) {
            return new Outcome(List.of(), Optional.of(reason));
        }
    }

    /// The highest ceilings seen beside a case.
    private static final class Beside {
        private final Subject subject;
        private @Nullable MachineCeilings highest;

        Beside(Subject subject) {
            this.subject = subject;
        }

        void glance() {
            MachineCeilings now = subject.glance();
            highest = highest == null || now == null ? now : highest.max(now);
        }
    }

    Outcome measure(CaseList.Case each, BiConsumer<String, String> absentPeers) {
        Problem problem = each.problem();
        boolean scales = pace.scaling() && each.scaling() && single != null;
        Copies copies = Copies.of(problem, 1 + team.size(problem) + (scales ? 1 : 0));
        try (Workload workload = subject.prepare(problem, copies.count());
                Workload alone =
                        scales && single != null ? single.prepare(problem, copies.count()) : null) {
            double run = firstRuns(workload);
            if (run > pace.runSeconds()) {
                return Outcome.none(
                        "one run takes " + Math.round(run) + " s here, too long to repeat");
            }
            Accuracy accuracy = workload.check().get();
            List<PeerTeam.Ready> peers = peers(problem, copies, workload, absentPeers);
            try {
                return timed(workload, alone, accuracy, peers, copies, absentPeers);
            } finally {
                team.release(peers);
            }
        }
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

    private List<PeerTeam.Ready> peers(
            Problem problem,
            Copies copies,
            Workload workload,
            BiConsumer<String, String> absentPeers) {
        if (team.size(problem) == 0) {
            return List.of();
        }
        long[] positions = Samples.positions(problem.resultElements(), COMPARED_ELEMENTS);
        return team.prepare(problem, copies.count(), positions, workload.result().apply(positions));
    }

    private Outcome timed(
            Workload workload,
            @Nullable Workload alone,
            Accuracy accuracy,
            List<PeerTeam.Ready> peers,
            Copies copies,
            BiConsumer<String, String> absentPeers) {
        Problem problem = workload.problem();
        Entrant ours = new SubjectEntrant(subject.id(), workload);
        List<Entrant> entrants = new ArrayList<>(List.of(ours));
        Entrant oneThread =
                alone == null ? null : new SubjectEntrant(subject.id() + " on one thread", alone);
        if (oneThread != null) {
            entrants.add(oneThread);
        }
        peers.forEach(peer -> entrants.add(peer.process()));
        Beside beside = new Beside(subject);
        Beside besideOne = single == null ? beside : new Beside(single);
        load.awaitQuiet(pace.quietWait());
        Measurement measurement =
                new Rounds(pace, load)
                        .measure(
                                entrants,
                                () -> {
                                    beside.glance();
                                    if (oneThread != null) {
                                        besideOne.glance();
                                    }
                                });
        measurement
                .failures()
                .forEach(
                        (entrant, reason) -> {
                            if (entrant != ours && entrant != oneThread) {
                                absentPeers.accept(
                                        entrant.name()
                                                + " in "
                                                + problem.suite()
                                                + " "
                                                + problem.title(),
                                        reason);
                            }
                        });
        Series series = measurement.series().get(ours);
        if (series == null) {
            return Outcome.none("failed: " + measurement.failures().get(ours));
        }
        Row row = new Row(workload, accuracy, measurement, copies);
        List<Result> results = new ArrayList<>();
        Series slow = oneThread == null ? null : measurement.series().get(oneThread);
        results.add(
                row.result(
                        subject,
                        beside,
                        series,
                        problem.title(),
                        peerResults(peers, measurement, series.median()),
                        slow == null ? null : slow.median() / series.median()));
        if (slow != null && single != null) {
            results.add(
                    row.result(
                            single,
                            besideOne,
                            slow,
                            problem.title() + ", 1 thread",
                            List.of(),
                            null));
        }
        return new Outcome(results, Optional.empty());
    }

    private static List<PeerResult> peerResults(
            List<PeerTeam.Ready> peers, Measurement measurement, double ourSeconds) {
        List<PeerResult> results = new ArrayList<>();
        for (PeerTeam.Ready peer : peers) {
            Series series = measurement.series().get(peer.process());
            if (series != null) {
                results.add(
                        new PeerResult(
                                peer.process().name(),
                                peer.process().version(),
                                series.median(),
                                series.median() / ourSeconds,
                                series.spread(),
                                peer.error()));
            }
        }
        return results;
    }

    /// What all rows of a case have in common.
    private record Row(
            Workload workload, Accuracy accuracy, Measurement measurement, Copies copies) {
        Result result(
                Subject subject,
                Beside beside,
                Series series,
                String title,
                List<PeerResult> peers,
                @Nullable Double oneThreadRatio) {
            Problem problem = workload.problem();
            MachineCeilings ceilings = beside.highest;
            Double share = share(ceilings, series.median());
            if (share != null && share > IMPOSSIBLE_SHARE) {
                // The glances may all have met a bad moment.
                subject.measureCeilings();
                MachineCeilings again = subject.ceilings();
                ceilings = again == null || ceilings == null ? ceilings : ceilings.max(again);
                share = share(ceilings, series.median());
            }
            return new Result(
                    problem.suite(),
                    title,
                    subject.id(),
                    workload.support().implementation().toString(),
                    problem.dtype().toString(),
                    series.median(),
                    series.spread(),
                    workload.flops(),
                    workload.bytes(),
                    share,
                    peers,
                    subject.threads(),
                    series.rounds(),
                    measurement.contended(),
                    measurement.foreignLoad().isPresent()
                            ? measurement.foreignLoad().getAsDouble()
                            : null,
                    ceilings == null ? null : ceilings.peak(problem.dtype()).flops(),
                    ceilings == null ? null : ceilings.flops(),
                    ceilings == null ? null : ceilings.bytesPerSecond(),
                    Double.isFinite(accuracy.error()) ? accuracy.error() : null,
                    accuracy.tolerance(),
                    accuracy.how(),
                    failure(share),
                    oneThreadRatio,
                    null,
                    note());
        }

        private @Nullable Double share(@Nullable MachineCeilings ceilings, double seconds) {
            return ceilings == null
                    ? null
                    : ceilings.floorSeconds(
                                    workload.problem().dtype(), workload.flops(), workload.bytes())
                            / seconds;
        }

        private @Nullable String failure(@Nullable Double share) {
            if (!accuracy.isGood()) {
                return "wrong: error "
                        + accuracy.error()
                        + ", allowed "
                        + accuracy.tolerance()
                        + ", "
                        + accuracy.how();
            }
            if (share != null && share > IMPOSSIBLE_SHARE) {
                return "share of the floor is " + share + ": the ceiling was mismeasured";
            }
            return null;
        }

        private String note() {
            String lowered = workload.support().lowered() ? "runs as its lowering" : "";
            return String.join(
                    "; ",
                    List.of(workload.note(), copies.note(), lowered).stream()
                            .filter(part -> !part.isEmpty())
                            .toList());
        }
    }
}
