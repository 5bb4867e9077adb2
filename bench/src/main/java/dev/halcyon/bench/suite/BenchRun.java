package dev.halcyon.bench.suite;

import dev.halcyon.bench.ceiling.CeilingMeter;
import dev.halcyon.bench.load.ForeignLoad;
import dev.halcyon.bench.micro.HalMicro;
import dev.halcyon.bench.peer.PeerTeam;
import dev.halcyon.bench.problem.Problem;
import dev.halcyon.bench.result.BenchFile;
import dev.halcyon.bench.result.BenchFile.Absence;
import dev.halcyon.bench.result.Result;
import dev.halcyon.bench.round.Pace;
import dev.halcyon.hal.Device;
import dev.halcyon.hal.error.HalException;

import org.jspecify.annotations.Nullable;

import java.io.PrintWriter;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;

/// One run of the benchmark: ceilings, then every case on every device, then what calls of the API
/// cost.
public final class BenchRun {
    /// A quick run starts no case after this, so that it ends within three minutes.
    private static final double QUICK_SECONDS = 140;

    /// Nor an API call after this.
    private static final double QUICK_CALL_SECONDS = 165;

    private static final double SMALL_PROCESSOR_FLOPS = 1.5e11;
    private static final double CEILING_SECONDS = 4;
    private static final double PEER_START_SECONDS = 20;

    private final BenchOptions options;
    private final Pace pace;
    private final HalMicro micro;
    private final PrintWriter log;
    private final ForeignLoad load = new ForeignLoad();
    private final List<Result> results = new ArrayList<>();
    private final List<Absence> notRun = new ArrayList<>();
    private final List<Absence> absentPeers = new ArrayList<>();
    private final long start = System.nanoTime();
    private final Instant date = Instant.now().truncatedTo(ChronoUnit.SECONDS);
    private int failures;

    /// @param log where warnings go
    public BenchRun(BenchOptions options, PrintWriter log) {
        this(options, options.quick() ? Pace.QUICK : Pace.FULL, log);
    }

    BenchRun(BenchOptions options, Pace pace, PrintWriter log) {
        this.options = options;
        this.pace = pace;
        this.micro = options.quick() ? HalMicro.QUICK : HalMicro.FULL;
        this.log = log;
    }

    /// What is opened for one device.
    ///
    /// @param device the device, closed by the run
    /// @param oneThread the same device on one thread, if it is the host and has more; closed by
    ///   the run
    /// @param selector what `--device` said
    public record Opened(Device device, @Nullable Device oneThread, String selector) {}

    /// {@return what came of it}
    public BenchOutcome run(List<Opened> devices) {
        List<CaseList.Case> cases = CaseList.of(options.suites(), options.quick(), options.text());
        List<String> calls =
                options.suites().contains("hal")
                        ? HalMicro.names().stream()
                                .filter(name -> ("hal " + name).contains(options.text()))
                                .toList()
                        : List.of();
        if (cases.isEmpty() && calls.isEmpty()) {
            throw new IllegalArgumentException(
                    "no case of "
                            + options.suites()
                            + " has \""
                            + options.text()
                            + "\" in its name"
                            + (options.quick() ? "; a quick run has fewer" : ""));
        }
        return run(devices, cases, calls);
    }

    BenchOutcome run(List<Opened> devices, List<CaseList.Case> cases, List<String> calls) {
        List<MachineSheet.Entry> sheet = new ArrayList<>();
        try (CeilingMeter meter = CeilingMeter.open();
                Progress progress = new Progress(estimate(devices, cases, calls), log)) {
            for (Opened opened : devices) {
                try (Subject subject = new Subject(opened.device(), meter);
                        Subject single =
                                opened.oneThread() == null
                                        ? null
                                        : new Subject(opened.oneThread(), meter)) {
                    measureCeilings(subject, single, progress);
                    try (PeerTeam team = team(cases, subject, progress)) {
                        load.setFriends(team.handles());
                        for (CaseList.Case each : cases) {
                            one(new CaseRun(pace, load, subject, single, team), each, progress);
                        }
                    }
                    refuseFallback(subject);
                    sheet.add(MachineSheet.Entry.of(subject));
                    if (single != null) {
                        sheet.add(MachineSheet.Entry.of(single));
                    }
                }
                for (String call : calls) {
                    measureCall(call, opened, progress);
                }
            }
        }
        return new BenchOutcome(
                new BenchFile(
                        MachineSheet.machine(date, options.quick(), sheet),
                        results,
                        notRun,
                        absentPeers),
                failures);
    }

    private double estimate(List<Opened> devices, List<CaseList.Case> cases, List<String> calls) {
        double each = CEILING_SECONDS * 2 + (options.peers() ? PEER_START_SECONDS : 0);
        for (CaseList.Case one : cases) {
            each += estimate(one.problem());
        }
        return devices.size() * (each + calls.size() * micro.secondsEach());
    }

    /// With three of its peers, as most cases have, or at the speed of a small processor, whichever
    /// is longer.
    private double estimate(Problem problem) {
        int entrants = options.peers() ? 4 : 1;
        double runs =
                (pace.rounds() + 2.0) * entrants * problem.roughFlops() / SMALL_PROCESSOR_FLOPS;
        return Math.max(pace.caseSeconds(entrants), runs) + entrants * problem.bytesPerCopy() / 1e9;
    }

    private void measureCeilings(Subject subject, @Nullable Subject single, Progress progress) {
        progress.doing("measuring the ceilings of " + subject.id());
        if (!load.awaitQuiet(pace.quietWait())) {
            progress.say(
                    "other programs use this machine; its ceilings may be higher than what is"
                            + " measured now");
        }
        subject.measureCeilings();
        progress.advance(CEILING_SECONDS);
        if (single != null) {
            single.measureCeilings();
        }
        progress.advance(CEILING_SECONDS);
    }

    private PeerTeam team(List<CaseList.Case> cases, Subject subject, Progress progress) {
        if (!options.peers()) {
            return PeerTeam.none();
        }
        if (!subject.isHost()) {
            progress.say(
                    "peers run on the processor; "
                            + subject.id()
                            + " has none to be compared with");
            return PeerTeam.none();
        }
        progress.doing("starting the peers");
        PeerTeam team =
                PeerTeam.assemble(
                        cases.stream().map(CaseList.Case::problem).toList(),
                        subject.threads(),
                        options.quick(),
                        (name, reason) -> absent(name, reason, progress));
        progress.advance(PEER_START_SECONDS);
        return team;
    }

    private void absent(String name, String reason, Progress progress) {
        absentPeers.add(new Absence(name, null, reason));
        progress.say("PEER ABSENT: " + name + ": " + reason);
    }

    private void one(CaseRun run, CaseList.Case each, Progress progress) {
        String device = run.subject().id();
        progress.doing(each.name());
        if (options.quick() && elapsedSeconds() > QUICK_SECONDS) {
            skip(each.name(), device, "out of time; a run without --quick has it", progress);
        } else {
            try {
                CaseRun.Outcome outcome =
                        run.measure(each, (name, reason) -> absent(name, reason, progress));
                results.addAll(outcome.results());
                for (Result result : outcome.results()) {
                    if (!result.isGood()) {
                        failures++;
                        progress.say(
                                "FAILED: "
                                        + each.name()
                                        + " on "
                                        + device
                                        + ": "
                                        + result.failure());
                    }
                }
                outcome.notRun().ifPresent(reason -> skip(each.name(), device, reason, progress));
            } catch (HalException declined) {
                skip(each.name(), device, String.valueOf(declined.getMessage()), progress);
            } catch (IllegalArgumentException | IllegalStateException broken) {
                failures++;
                skip(each.name(), device, "failed: " + broken.getMessage(), progress);
            }
        }
        progress.advance(estimate(each.problem()));
    }

    private double elapsedSeconds() {
        return (System.nanoTime() - start) / 1e9;
    }

    private void skip(String name, String device, String reason, Progress progress) {
        notRun.add(new Absence(name, device, reason));
        progress.say("NOT RUN: " + name + " on " + device + ": " + reason);
    }

    private void refuseFallback(Subject subject) {
        long fallbacks = subject.device().counters().fallbacks();
        if (fallbacks > 0) {
            throw new IllegalStateException(
                    fallbacks
                            + " launches of "
                            + subject.id()
                            + " ran on another device; their times are not its own");
        }
    }

    private void measureCall(String call, Opened opened, Progress progress) {
        progress.doing("hal " + call);
        String device = opened.device().description().id();
        if (options.quick() && elapsedSeconds() > QUICK_CALL_SECONDS) {
            skip("hal " + call, device, "out of time; a run without --quick has it", progress);
            return;
        }
        boolean quiet = load.awaitQuiet(pace.quietWait());
        try {
            results.add(HalRows.row(micro.run(call, opened.selector()), device, !quiet));
        } catch (IllegalStateException failed) {
            failures++;
            skip("hal " + call, device, "failed: " + failed.getMessage(), progress);
        }
        progress.advance(micro.secondsEach());
    }
}
