package dev.halcyon.bench.suite;

import dev.halcyon.bench.ceiling.CeilingMeter;
import dev.halcyon.bench.goal.Targets;
import dev.halcyon.bench.load.ForeignLoad;
import dev.halcyon.bench.load.Patience;
import dev.halcyon.bench.micro.HalMicro;
import dev.halcyon.bench.peer.PeerTeam;
import dev.halcyon.bench.problem.Problem;
import dev.halcyon.bench.result.BenchFile;
import dev.halcyon.bench.result.BenchFile.Absence;
import dev.halcyon.bench.result.Result;
import dev.halcyon.bench.round.Pace;
import dev.halcyon.hal.error.HalException;

import java.io.PrintWriter;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/// One run of the benchmark: ceilings, then every case on every device, then what calls of the API
/// cost.
public final class BenchRun {
    /// A quick run starts no case after this, so that it ends within three minutes.
    private static final double QUICK_SECONDS = 140;

    /// Nor an API call after this.
    private static final double QUICK_CALL_SECONDS = 165;

    /// To tell the time left.
    private static final double USUAL_FLOPS = 3e11;

    private static final double PREPARING_SECONDS = 1;
    private static final double CEILING_SECONDS = 4;
    private static final double PEER_START_SECONDS = 5;

    private final BenchOptions options;
    private final Pace pace;
    private final HalMicro micro;
    private final PrintWriter log;
    private final ForeignLoad load = new ForeignLoad();
    private final Patience patience;
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
        this.patience = new Patience(load, pace.quietWait(), pace.quietTotal());
        this.micro = options.quick() ? HalMicro.QUICK : HalMicro.FULL;
        this.log = log;
    }

    /// What is opened for one device.
    ///
    /// @param contestants the device in its settings, as it comes first
    /// @param selector what `--device` said
    public record Opened(List<Contestant> contestants, String selector) {
        public Opened {
            contestants = List.copyOf(contestants);
        }
    }

    /// {@return what came of it}
    public BenchOutcome run(List<Opened> devices) {
        List<CaseList.Case> cases = CaseList.of(options);
        List<String> calls =
                options.suites().contains("hal")
                        ? HalMicro.names().stream()
                                .filter(name -> contains(HalRows.title(name)))
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

    private boolean contains(String call) {
        return CaseList.contains("hal " + call, options.text())
                && (!options.targets() || Targets.isTargeted("hal " + call));
    }

    BenchOutcome run(List<Opened> devices, List<CaseList.Case> cases, List<String> calls) {
        List<MachineSheet.Entry> sheet = new ArrayList<>();
        try (CeilingMeter meter = CeilingMeter.open();
                Progress progress = new Progress(estimate(devices, cases, calls), log)) {
            for (Opened opened : devices) {
                List<Side> sides =
                        opened.contestants().stream()
                                .map(contestant -> Side.of(contestant, meter))
                                .toList();
                try {
                    Side first = sides.getFirst();
                    measureCeilings(first, progress);
                    for (List<CaseList.Case> suite : suites(cases)) {
                        measure(suite, sides, progress);
                    }
                    sides.forEach(side -> refuseFallback(side.all()));
                    sheet.add(MachineSheet.Entry.of(first.all()));
                    if (first.single() != null) {
                        sheet.add(MachineSheet.Entry.of(first.single()));
                    }
                } finally {
                    sides.forEach(Side::close);
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

    private static List<List<CaseList.Case>> suites(List<CaseList.Case> cases) {
        Map<String, List<CaseList.Case>> suites =
                cases.stream()
                        .collect(
                                Collectors.groupingBy(
                                        each -> each.problem().suite(),
                                        LinkedHashMap::new,
                                        Collectors.toList()));
        return List.copyOf(suites.values());
    }

    /// Peers live for one suite: they keep the memory that they have freed, and what nine of them
    /// keep of all suites together is more than a machine of 24 GB has.
    private void measure(List<CaseList.Case> suite, List<Side> sides, Progress progress) {
        try (PeerTeam team = team(suite, sides.getFirst().all(), progress)) {
            load.setFriends(team.handles());
            CaseRun run = new CaseRun(pace, load, patience, sides, team);
            for (CaseList.Case each : suite) {
                one(run, each, progress);
            }
        }
    }

    private double estimate(List<Opened> devices, List<CaseList.Case> cases, List<String> calls) {
        double sum = 0;
        for (Opened opened : devices) {
            sum += CEILING_SECONDS * 2;
            sum += options.peers() ? PEER_START_SECONDS * suites(cases).size() : 0;
            for (CaseList.Case one : cases) {
                sum += estimate(one, opened.contestants().size());
            }
            sum += calls.size() * micro.secondsEach();
        }
        return sum;
    }

    /// With three of its peers, as most cases have.
    private double estimate(CaseList.Case each, int settings) {
        Problem problem = each.problem();
        int ours = settings * (pace.scaling() && each.scaling() ? 2 : 1);
        int entrants = ours + (options.peers() ? 3 : 0);
        double preparing = entrants * (PREPARING_SECONDS + 2 * problem.bytesPerCopy() / 1e9);
        return pace.caseSeconds(entrants, problem.roughFlops() / USUAL_FLOPS) + preparing;
    }

    private void measureCeilings(Side side, Progress progress) {
        progress.doing("measuring the ceilings of " + side.all().id());
        if (!patience.awaitQuiet()) {
            progress.say(
                    "other programs use this machine; its ceilings may be higher than what is"
                            + " measured now");
        }
        side.all().measureCeilings();
        progress.advance(CEILING_SECONDS);
        if (side.single() != null) {
            side.single().measureCeilings();
        }
        progress.advance(CEILING_SECONDS);
    }

    private PeerTeam team(List<CaseList.Case> cases, Subject subject, Progress progress) {
        if (!options.peers() || cases.isEmpty()) {
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
        String device = run.device();
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
                outcome.notRun().forEach(reason -> skip(each.name(), device, reason, progress));
            } catch (HalException declined) {
                skip(each.name(), device, String.valueOf(declined.getMessage()), progress);
            } catch (IllegalArgumentException | IllegalStateException broken) {
                failures++;
                skip(each.name(), device, "failed: " + broken.getMessage(), progress);
            }
        }
        progress.advance(estimate(each, run.sides().size()));
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
        String device = opened.contestants().getFirst().device().description().id();
        if (options.quick() && elapsedSeconds() > QUICK_CALL_SECONDS) {
            skip("hal " + call, device, "out of time; a run without --quick has it", progress);
            return;
        }
        boolean quiet = patience.awaitQuiet();
        try {
            results.add(HalRows.row(micro.run(call, opened.selector()), device, !quiet));
        } catch (IllegalStateException failed) {
            failures++;
            skip("hal " + call, device, "failed: " + failed.getMessage(), progress);
        }
        progress.advance(micro.secondsEach());
    }
}
