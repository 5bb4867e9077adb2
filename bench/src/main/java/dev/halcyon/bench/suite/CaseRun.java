package dev.halcyon.bench.suite;

import dev.halcyon.bench.load.ForeignLoad;
import dev.halcyon.bench.load.Patience;
import dev.halcyon.bench.peer.PeerTeam;
import dev.halcyon.bench.problem.Problem;
import dev.halcyon.bench.result.Result;
import dev.halcyon.bench.result.Result.PeerResult;
import dev.halcyon.bench.round.Entrant;
import dev.halcyon.bench.round.Pace;
import dev.halcyon.bench.round.Rounds;
import dev.halcyon.bench.round.Rounds.Measurement;
import dev.halcyon.bench.round.Rounds.Series;

import java.util.ArrayList;
import java.util.List;
import java.util.function.BiConsumer;

/// One case on one device, in each of its settings: set up, checked, timed beside its peers and the
/// ceilings.
///
/// @param pace how long to measure
/// @param load tells what other programs do
/// @param patience waits for them
/// @param sides the device in its settings; the first is held against the peers' results
/// @param team the peers
record CaseRun(Pace pace, ForeignLoad load, Patience patience, List<Side> sides, PeerTeam team) {
    private static final int COMPARED_ELEMENTS = 512;

    /// What came of a case.
    ///
    /// @param results its rows: one a setting, and one more on a single thread
    /// @param notRun why there are fewer
    record Outcome(List<Result> results, List<String> notRun) {}

    String device() {
        return sides.getFirst().all().id();
    }

    /// {@return how many take part at most}
    int entrants(CaseList.Case each) {
        int ours = sides.size() * (scales(each) ? 2 : 1);
        return ours + team.size(each.problem());
    }

    private boolean scales(CaseList.Case each) {
        return pace.scaling() && each.scaling() && sides.getFirst().single() != null;
    }

    Outcome measure(CaseList.Case each, BiConsumer<String, String> absentPeers) {
        Problem problem = each.problem();
        Copies copies = Copies.of(problem, entrants(each));
        try (Lineup lineup = new Lineup(pace)) {
            for (Side side : sides) {
                lineup.enter(side, problem, copies, scales(each));
            }
            if (lineup.runners().isEmpty()) {
                return new Outcome(List.of(), lineup.refusals());
            }
            List<PeerTeam.Ready> peers = peers(problem, copies, lineup);
            try {
                return timed(problem, lineup, peers, copies, absentPeers);
            } finally {
                team.release(peers);
            }
        }
    }

    private List<PeerTeam.Ready> peers(Problem problem, Copies copies, Lineup lineup) {
        if (team.size(problem) == 0) {
            return List.of();
        }
        long[] positions = Samples.positions(problem.resultElements(), COMPARED_ELEMENTS);
        double[] ours = lineup.runners().getFirst().workload().result().apply(positions);
        return team.prepare(problem, copies.count(), positions, ours);
    }

    private Outcome timed(
            Problem problem,
            Lineup lineup,
            List<PeerTeam.Ready> peers,
            Copies copies,
            BiConsumer<String, String> absentPeers) {
        List<Entrant> entrants = new ArrayList<>(lineup.entrants());
        int ours = entrants.size();
        peers.forEach(peer -> entrants.add(peer.process()));
        Beside beside = new Beside(sides.getFirst().all());
        Subject single = sides.getFirst().single();
        Beside besideOne = single == null ? beside : new Beside(single);
        boolean alone = ours > lineup.runners().size();
        patience.awaitQuiet();
        Measurement measurement =
                new Rounds(pace, load)
                        .measure(
                                entrants,
                                () -> {
                                    beside.glance();
                                    if (alone) {
                                        besideOne.glance();
                                    }
                                });
        measurement
                .failures()
                .forEach(
                        (entrant, reason) -> {
                            if (entrants.indexOf(entrant) >= ours) {
                                absentPeers.accept(
                                        entrant.name()
                                                + " in "
                                                + problem.suite()
                                                + " "
                                                + problem.title(),
                                        reason);
                            }
                        });
        List<Result> results = new ArrayList<>();
        List<String> notRun = new ArrayList<>(lineup.refusals());
        for (Lineup.Runner runner : lineup.runners()) {
            CaseRow row = new CaseRow(runner, measurement, copies);
            Series series = measurement.series().get(runner.entrant());
            if (series == null) {
                notRun.add("failed: " + measurement.failures().get(runner.entrant()));
                continue;
            }
            results.add(
                    row.onAllThreads(
                            beside, series, peerResults(peers, measurement, series.median())));
            Series slow = measurement.series().get(runner.aloneEntrant());
            if (slow != null) {
                results.add(row.onOneThread(besideOne, slow));
            }
        }
        return new Outcome(results, notRun);
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
}
