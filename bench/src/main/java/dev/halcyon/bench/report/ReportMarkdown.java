package dev.halcyon.bench.report;

import dev.halcyon.bench.goal.Scorecard;
import dev.halcyon.bench.goal.TargetText;
import dev.halcyon.bench.result.BenchFile;
import dev.halcyon.bench.result.Machine;
import dev.halcyon.bench.result.NativeCode;
import dev.halcyon.bench.result.Result;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/// The report in Markdown, for a repository: machine, targets, rows, what is missing.
public final class ReportMarkdown {
    private static final List<String> HEADER =
            List.of(
                    "case",
                    "implementation",
                    "time",
                    "±",
                    "GFLOP/s",
                    "GB/s",
                    "floor",
                    "F32 peak",
                    "peers: their time over ours",
                    "remarks");

    private final StringBuilder text = new StringBuilder();

    private ReportMarkdown() {}

    /// {@return the text of these results}
    public static String of(List<BenchFile> files) {
        ReportMarkdown report = new ReportMarkdown();
        files.forEach(report::file);
        return report.text.toString();
    }

    private void file(BenchFile file) {
        Machine machine = file.machine();
        line("# " + machine.name());
        line("");
        line(
                (machine.quick() ? "Quick run of " : "Run of ")
                        + machine.date()
                        + ": "
                        + machine.processors()
                        + " processors, "
                        + Numbers.bytes(machine.memoryBytes())
                        + ", "
                        + machine.os()
                        + " "
                        + machine.arch()
                        + ", Java "
                        + machine.java()
                        + ".");
        line("");
        machine.devices()
                .forEach(
                        device ->
                                line(
                                        "* "
                                                + device.id()
                                                + (device.emulated() ? " (emulated)" : "")
                                                + ": "
                                                + device.name()
                                                + " "
                                                + device.properties()));
        machine.ceilings().forEach(ceiling -> line("* " + MachineCards.describe(ceiling)));
        Scorecard card = Scorecard.of(file);
        if (!card.isEmpty()) {
            line("\n## Targets\n");
            line(
                    "In parentheses what must hold and what to go for; `1.20x` of somebody is their"
                            + " time over ours.\n");
            text.append(TargetText.markdown(card));
        }
        line("\n## Rows\n");
        row(HEADER);
        line("|---".repeat(HEADER.size()) + "|");
        file.results().forEach(result -> row(cells(result)));
        missing(file);
    }

    private static List<String> cells(Result result) {
        double seconds = result.medianSeconds();
        Double share = result.shareOfFloor();
        Double f32 = result.peakF32Flops();
        return List.of(
                result.suite() + " " + result.title(),
                result.variant() + (result.nativeCode() == NativeCode.ON ? ", native" : ""),
                Numbers.time(seconds),
                Numbers.percent(result.spread()),
                result.flops() > 0 ? Numbers.giga(result.flops() / seconds) : "",
                result.bytes() > 0 ? Numbers.giga(result.bytes() / seconds) : "",
                share == null ? "" : Numbers.percent(share),
                f32 == null ? "" : Numbers.percent(result.flops() / seconds / f32),
                result.peers().stream()
                        .map(peer -> Numbers.ratio(peer.ratio()) + " " + peer.name())
                        .collect(Collectors.joining(", ")),
                String.join("; ", remarks(result)));
    }

    private static List<String> remarks(Result result) {
        List<String> remarks = new ArrayList<>();
        if (result.failure() != null) {
            remarks.add("FAILED: " + result.failure());
        }
        if (result.contended()) {
            remarks.add("contended");
        }
        if (result.oneThreadRatio() != null) {
            remarks.add(Numbers.ratio(result.oneThreadRatio()) + " one thread");
        }
        Double allocated = result.allocatedBytes();
        if (allocated != null && result.flops() == 0) {
            remarks.add(Numbers.of("%.0f bytes allocated", allocated));
        }
        if (allocated != null && result.isBoxing()) {
            remarks.add(
                    Numbers.of("badly compiled: it boxes vectors, %.1f GB a run", allocated / 1e9));
        }
        if (!result.note().isEmpty()) {
            remarks.add(result.note());
        }
        return remarks;
    }

    private void missing(BenchFile file) {
        if (file.notRun().isEmpty() && file.absentPeers().isEmpty()) {
            return;
        }
        line("\n## What is missing\n");
        file.notRun()
                .forEach(
                        each ->
                                line(
                                        "* "
                                                + each.name()
                                                + " on "
                                                + each.device()
                                                + ": "
                                                + each.reason()));
        file.absentPeers().forEach(each -> line("* peer " + each.name() + ": " + each.reason()));
    }

    private void row(List<String> cells) {
        line(
                cells.stream()
                        .map(cell -> cell.replace("|", "\\|").replace('\n', ' '))
                        .collect(Collectors.joining(" | ", "| ", " |")));
    }

    private void line(String line) {
        text.append(line).append('\n');
    }
}
