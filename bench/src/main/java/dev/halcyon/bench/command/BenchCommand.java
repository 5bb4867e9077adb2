package dev.halcyon.bench.command;

import dev.halcyon.bench.result.BenchFile;
import dev.halcyon.bench.suite.BenchOptions;
import dev.halcyon.bench.suite.BenchOutcome;
import dev.halcyon.bench.suite.BenchRun;
import dev.halcyon.bench.suite.ResultText;
import dev.halcyon.hal.Device;
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
        BenchRun run = new BenchRun(new BenchOptions(chosen, quick, peers, text), log);
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

    private static BenchRun.Opened open(String name, PrintWriter log) {
        Selector.Choice choice = Selector.of(name).choose(Halcyon.discover());
        choice.passedOver().forEach(reason -> log.println("not taken: " + reason));
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
        boolean several =
                Integer.parseInt(device.description().properties().getOrDefault("threads", "1"))
                        > 1;
        Device oneThread =
                device.description().backend().equals("cpu") && several
                        ? choice.entry()
                                .provider()
                                .open(ordinal, options.withProperty(THREADS, "1"))
                        : null;
        return new BenchRun.Opened(device, oneThread, choice.device().id());
    }

    private static void close(BenchRun.Opened opened) {
        opened.device().close();
        if (opened.oneThread() != null) {
            opened.oneThread().close();
        }
    }
}
