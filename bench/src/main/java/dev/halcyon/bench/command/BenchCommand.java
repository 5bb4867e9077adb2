package dev.halcyon.bench.command;

import dev.halcyon.bench.goal.Scorecard;
import dev.halcyon.bench.goal.TargetText;
import dev.halcyon.bench.result.BenchFile;
import dev.halcyon.bench.result.NativeCode;
import dev.halcyon.bench.suite.BenchOptions;
import dev.halcyon.bench.suite.BenchOutcome;
import dev.halcyon.bench.suite.BenchRun;
import dev.halcyon.bench.suite.Contestant;
import dev.halcyon.bench.suite.ResultText;
import dev.halcyon.hal.Device;
import dev.halcyon.hal.DeviceDescription;
import dev.halcyon.hal.DeviceOptions;
import dev.halcyon.hal.Halcyon;
import dev.halcyon.hal.Selector;

import org.jspecify.annotations.Nullable;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.Callable;

/// `halcyon bench`: how close devices come to their limits, and how they compare with other
/// libraries.
@Command(
        name = "bench",
        mixinStandardHelpOptions = true,
        description = {
            "Measures kernels on one or more devices, in alternating rounds beside the device's own"
                    + " ceilings.",
            "Samples of every result are compared with the fp64 oracle before its time counts.",
            "Exit code 1 if anything failed, else 2 if a case could not run, else 0."
        })
public final class BenchCommand implements Callable<Integer> {
    private static final String THREADS = "halcyon.cpu.threads";
    private static final String NATIVE = "halcyon.cpu.native";

    @Spec private @Nullable CommandSpec spec;

    @Option(
            names = "--device",
            paramLabel = "D",
            defaultValue = "auto",
            description =
                    "cpu, cuda:0, ascend:0 or auto; may be given several times (default:"
                            + " ${DEFAULT-VALUE})")
    private List<String> devices = List.of("auto");

    @Option(
            names = "--suite",
            paramLabel = "S",
            defaultValue = "all",
            split = ",",
            description = "gemm, moe, mla, muon, hal or all (default: ${DEFAULT-VALUE})")
    private List<String> suites = List.of("all");

    @Option(
            names = "--case",
            paramLabel = "TEXT",
            description = "only cases with this in their name")
    private String text = "";

    @Option(names = "--quick", description = "fewer and smaller cases, done within three minutes")
    private boolean quick;

    @Option(
            names = "--peers",
            description =
                    "time libtorch, OpenBLAS, MKL, oneDNN and Jlama as well; fetches about 400 MB"
                            + " the first time")
    private boolean peers;

    @Option(
            names = "--java",
            description =
                    "time the processor's kernels in Java alone as well, beside those with native"
                            + " code")
    private boolean java;

    @Option(
            names = "--targets",
            description =
                    "hold the results against the project's targets and show the table; runs what"
                            + " has targets, with --peers and --java")
    private boolean targets;

    @Option(
            names = "--json",
            paramLabel = "FILE",
            description = "write the results to a file, for halcyon report")
    private @Nullable Path json;

    /// Made by the command line.
    public BenchCommand() {}

    @Override
    public Integer call() {
        CommandSpec command = Objects.requireNonNull(spec);
        PrintWriter out = command.commandLine().getOut();
        PrintWriter log = command.commandLine().getErr();
        Set<String> chosen =
                new LinkedHashSet<>(suites.contains("all") ? BenchOptions.SUITES : suites);
        BenchRun run =
                new BenchRun(new BenchOptions(chosen, quick, peers || targets, targets, text), log);
        BenchOutcome outcome = run.run(open(log));
        BenchFile file = outcome.file();
        if (json != null) {
            file.write(json);
        }
        out.print(ResultText.of(file));
        file.notRun()
                .forEach(
                        missing ->
                                out.println(
                                        "not run: " + missing.name() + ": " + missing.reason()));
        file.absentPeers()
                .forEach(
                        missing ->
                                out.println(
                                        "peer absent: "
                                                + missing.name()
                                                + ": "
                                                + missing.reason()));
        out.println();
        if (targets) {
            out.println(TargetText.aligned(Scorecard.of(file)));
        }
        out.println(outcome.summary());
        out.flush();
        return outcome.exitCode();
    }

    private List<BenchRun.Opened> open(PrintWriter log) {
        List<BenchRun.Opened> opened = new ArrayList<>();
        try {
            for (String name : devices) {
                opened.add(open(name, log));
            }
        } catch (RuntimeException unavailable) {
            opened.forEach(BenchCommand::close);
            throw unavailable;
        }
        return opened;
    }

    private BenchRun.Opened open(String name, PrintWriter log) {
        Selector.Choice choice = Selector.of(name).choose(Halcyon.discover());
        choice.passedOver().forEach(reason -> log.println("not taken: " + reason));
        refuseEmulation(choice.device());
        DeviceOptions options = DeviceOptions.fromSystemProperties();
        int ordinal = choice.device().ordinal();
        Device device = choice.entry().provider().open(ordinal, options);
        log.println(
                "device: "
                        + device.description().title()
                        + ", "
                        + device.description().name()
                        + " "
                        + device.description().properties());
        log.flush();
        boolean isHost = device.description().backend().equals("cpu");
        List<Contestant> contestants = new ArrayList<>();
        NativeCode nativeCode = isHost ? nativeCode(device) : null;
        contestants.add(contestant(choice, device, options, nativeCode));
        if (nativeCode == NativeCode.ON && (java || targets)) {
            DeviceOptions inJava = options.withProperty(NATIVE, "false");
            contestants.add(
                    contestant(
                            choice,
                            choice.entry().provider().open(ordinal, inJava),
                            inJava,
                            NativeCode.OFF));
        }
        return new BenchRun.Opened(contestants, choice.device().id());
    }

    /// @throws IllegalArgumentException if the device is emulated
    static void refuseEmulation(DeviceDescription device) {
        if (device.emulated()) {
            throw new IllegalArgumentException(
                    device.title()
                            + " is no device, and its times would say nothing about one; use"
                            + " halcyon verify or halcyon run");
        }
    }

    private static NativeCode nativeCode(Device device) {
        return property(device, "native", "none").startsWith("none")
                ? NativeCode.OFF
                : NativeCode.ON;
    }

    private static Contestant contestant(
            Selector.Choice choice,
            Device device,
            DeviceOptions options,
            @Nullable NativeCode nativeCode) {
        boolean several = Integer.parseInt(property(device, "threads", "1")) > 1;
        Device oneThread =
                nativeCode != null && several
                        ? choice.entry()
                                .provider()
                                .open(choice.device().ordinal(), options.withProperty(THREADS, "1"))
                        : null;
        return new Contestant(device, oneThread, nativeCode);
    }

    private static String property(Device device, String name, String otherwise) {
        return device.description().properties().getOrDefault(name, otherwise);
    }

    private static void close(BenchRun.Opened opened) {
        for (Contestant contestant : opened.contestants()) {
            contestant.device().close();
            if (contestant.oneThread() != null) {
                contestant.oneThread().close();
            }
        }
    }
}
