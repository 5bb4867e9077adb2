package dev.halcyon.bench.command;

import dev.halcyon.bench.ceiling.MachineCeilings;
import dev.halcyon.bench.run.GenerationWork;
import dev.halcyon.bench.run.MlaWork;
import dev.halcyon.bench.run.MoeWork;
import dev.halcyon.bench.run.MuonWork;
import dev.halcyon.bench.run.ResultTable;
import dev.halcyon.bench.run.Row;
import dev.halcyon.bench.run.Work;
import dev.halcyon.hal.Device;
import dev.halcyon.hal.error.UnsupportedKernelException;
import dev.halcyon.tck.fixture.FixtureSet;

import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

import org.jspecify.annotations.Nullable;

import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.Callable;

/// `halcyon run`: the main job.
@Command(
        name = "run",
        mixinStandardHelpOptions = true,
        description = {
            "Runs one DeepSeek-V3 decoder layer's work at its true sizes and generation from a tiny"
                    + " checkpoint,",
            "checks both, and says how close to the machine's limits the kernels come.",
            "Exit code 1 if anything failed, else 2 if the device declined a part, else 0."
        })
public final class RunCommand implements Callable<Integer> {
    @Spec private @Nullable CommandSpec spec;

    @Mixin private DeviceOption device = new DeviceOption();

    @Option(
            names = "--model",
            paramLabel = "DIR",
            description = "checkpoint folder to generate from, instead of the bundled tiny one")
    private @Nullable Path model;

    /// Made by the command line.
    public RunCommand() {}

    @Override
    public Integer call() {
        CommandSpec command = Objects.requireNonNull(spec);
        PrintWriter log = command.commandLine().getErr();
        PrintWriter out = command.commandLine().getOut();
        List<Row> rows = new ArrayList<>();
        try (Device opened = device.open(log)) {
            boolean emulated = opened.description().emulated();
            boolean scalar = "scalar".equals(opened.description().properties().get("isa"));
            List<Work> works = new ArrayList<>(emulated || scalar ? smallerWork() : trueSizes());
            works.add(generation());
            List<String> declined = new ArrayList<>();
            Optional<MachineCeilings> ceilings = run(opened, works, rows, declined);
            out.println(
                    "device: "
                            + opened.description().title()
                            + ", "
                            + opened.description().name()
                            + " "
                            + opened.description().properties());
            ceilings.ifPresent(limits -> out.println(describe(limits)));
            if (scalar) {
                out.println("sizes: smaller than DeepSeek-V3's, because the scalar variant runs");
            }
            if (emulated) {
                out.println("sizes: smaller than DeepSeek-V3's, because the device is emulated");
                out.println("times: none, because an emulation's say nothing about a device");
            }
            out.println();
            List<Row> shown = emulated ? rows.stream().map(Row::untimed).toList() : rows;
            out.print(ResultTable.of(shown, ceilings));
            declined.forEach(reason -> out.println("not run: " + reason));
            long failed = rows.stream().filter(row -> !row.passed()).count();
            out.println();
            out.println(
                    rows.size()
                            - failed
                            + " passed, "
                            + failed
                            + " failed"
                            + (declined.isEmpty() ? "" : ", " + declined.size() + " not run"));
            out.flush();
            return failed > 0 ? 1 : declined.isEmpty() ? 0 : 2;
        }
    }

    private static Optional<MachineCeilings> run(
            Device device, List<Work> works, List<Row> rows, List<String> declined) {
        boolean onThisProcessor = device.description().backend().equals("cpu");
        try (ProgressBar bar =
                new ProgressBarBuilder()
                        .setTaskName("run")
                        .setInitialMax(works.size() + 1L)
                        .setStyle(ProgressBarStyle.ASCII)
                        .setUpdateIntervalMillis(200)
                        .build()) {
            Optional<MachineCeilings> ceilings = Optional.empty();
            if (onThisProcessor) {
                bar.setExtraMessage(" measuring the machine");
                int threads =
                        Integer.parseInt(
                                device.description().properties().getOrDefault("threads", "1"));
                ceilings = Optional.of(MachineCeilings.measure(threads));
            }
            bar.step();
            for (Work work : works) {
                try {
                    rows.addAll(work.run(device, what -> bar.setExtraMessage(" " + what)));
                } catch (UnsupportedKernelException refused) {
                    declined.add(work.name() + ": " + refused.getMessage());
                }
                bar.step();
            }
            bar.setExtraMessage(" done");
            return ceilings;
        }
    }

    private static List<Work> trueSizes() {
        return List.of(
                new MlaWork(List.of(4_096, 32_768), 128),
                new MoeWork(7168, 2048, 256, 32, 8, List.of(1, 64)),
                new MuonWork(2048, 7168));
    }

    /// Plain Java and an emulation take a hundred times as long; these sizes keep them under two
    /// minutes.
    private static List<Work> smallerWork() {
        return List.of(
                new MlaWork(List.of(1_024, 4_096), 32),
                new MoeWork(1024, 512, 256, 32, 8, List.of(1, 16)),
                new MuonWork(256, 768));
    }

    private Work generation() {
        if (model != null) {
            return new GenerationWork(model, model.toString());
        }
        Path bundled = FixtureSet.bundled().named("e04_tiny_v3").checkpoint();
        return new GenerationWork(bundled, "bundled tiny DeepSeek-V3");
    }

    private static String describe(MachineCeilings limits) {
        return String.format(
                Locale.ROOT,
                "this machine, measured now on %d threads (%s): %.0f GFLOP/s F32, %.1f GB/s read",
                limits.threads(),
                limits.how(),
                limits.flops() / 1e9,
                limits.bytesPerSecond() / 1e9);
    }
}
