package dev.halcyon.bench.suite;

import dev.halcyon.bench.ceiling.MachineCeilings;
import dev.halcyon.bench.problem.Problem;
import dev.halcyon.bench.result.Result;
import dev.halcyon.bench.result.Result.PeerResult;
import dev.halcyon.bench.round.Rounds.Measurement;
import dev.halcyon.bench.round.Rounds.Series;

import org.jspecify.annotations.Nullable;

import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;

/// What a runner's rows have in common.
///
/// @param runner who ran
/// @param measurement the rounds
/// @param copies copies of what was read
record CaseRow(Lineup.Runner runner, Measurement measurement, Copies copies) {
    /// More than a measurement's noise above the ceiling means that the ceiling is wrong.
    private static final double IMPOSSIBLE_SHARE = 1.02;

    /// {@return the row on all threads}
    Result onAllThreads(Beside beside, Series series, List<PeerResult> peers) {
        Series slow = measurement.series().get(runner.aloneEntrant());
        return result(
                runner.side().all(),
                runner.entrant(),
                beside,
                series,
                runner.workload().problem().title(),
                peers,
                slow == null ? null : slow.median() / series.median());
    }

    /// {@return the row on one thread}
    Result onOneThread(Beside beside, Series series) {
        return result(
                Objects.requireNonNull(runner.side().single()),
                Objects.requireNonNull(runner.aloneEntrant()),
                beside,
                series,
                runner.workload().problem().title() + ", 1 thread",
                List.of(),
                null);
    }

    private Result result(
            Subject subject,
            SubjectEntrant entrant,
            Beside beside,
            Series series,
            String title,
            List<PeerResult> peers,
            @Nullable Double oneThreadRatio) {
        Problem problem = runner.workload().problem();
        Double share = share(beside.highest(), series.median());
        if (share != null && share > IMPOSSIBLE_SHARE) {
            beside.measureAgain();
            share = share(beside.highest(), series.median());
        }
        MachineCeilings ceilings = beside.highest();
        Accuracy accuracy = runner.accuracy();
        return new Result(
                problem.suite(),
                title,
                subject.id(),
                runner.workload().support().implementation().toString(),
                runner.nativeCode(),
                problem.dtype().toString(),
                series.median(),
                series.spread(),
                runner.workload().flops(),
                runner.workload().bytes(),
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
                Double.isFinite(entrant.allocatedBytes())
                        ? (double) Math.round(entrant.allocatedBytes())
                        : null,
                note());
    }

    private @Nullable Double share(@Nullable MachineCeilings ceilings, double seconds) {
        Workload workload = runner.workload();
        return ceilings == null
                ? null
                : ceilings.floorSeconds(
                                workload.problem().dtype(), workload.flops(), workload.bytes())
                        / seconds;
    }

    private @Nullable String failure(@Nullable Double share) {
        Accuracy accuracy = runner.accuracy();
        if (!accuracy.isGood()) {
            return "wrong: error "
                    + accuracy.error()
                    + ", allowed "
                    + accuracy.tolerance()
                    + ", "
                    + accuracy.how();
        }
        return share != null && share > IMPOSSIBLE_SHARE
                ? "share of the floor is " + share + ": the ceiling was mismeasured"
                : null;
    }

    private String note() {
        String lowered = runner.workload().support().lowered() ? "runs as its lowering" : "";
        return String.join(
                "; ",
                Stream.of(runner.workload().note(), copies.note(), lowered)
                        .filter(part -> !part.isEmpty())
                        .toList());
    }
}
