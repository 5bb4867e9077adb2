package dev.halcyon.bench.report;

import dev.halcyon.bench.report.Portability.CaseScore;
import dev.halcyon.bench.result.BenchFile;
import dev.halcyon.bench.result.Machine;
import dev.halcyon.bench.result.Machine.Ceiling;
import dev.halcyon.bench.result.Machine.DeviceInfo;
import dev.halcyon.bench.result.Result;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// The report: one HTML page with its style sheet inside and no scripts, for a screen or a phone,
/// light or dark.
public final class ReportPage {
    private static final String STYLE = "report.css";

    private final List<BenchFile> files;
    private final Portability portability;
    private final Markup page = new Markup();

    private ReportPage(List<BenchFile> files) {
        this.files = List.copyOf(files);
        this.portability = Portability.of(files);
    }

    /// {@return the page of these results}
    public static String of(List<BenchFile> files) {
        return new ReportPage(files).write();
    }

    private String write() {
        page.raw("<!DOCTYPE html>\n").begin("html", "lang", "en").begin("head");
        page.raw("<meta charset=\"utf-8\">\n");
        page.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
        page.raw("<meta name=\"color-scheme\" content=\"light dark\">\n");
        // Without one, browsers ask the server for an icon and log that there is none.
        page.raw("<link rel=\"icon\" href=\"data:,\">\n");
        page.element("title", "Halcyon: portability report");
        page.begin("style").raw(style()).end().end().begin("body").begin("main");
        page.element("h1", "Portability report");
        page.element(
                "p",
                "How close each kernel comes to what its device can do at best, and how it compares"
                    + " with other libraries. Times are medians over alternating rounds; samples of"
                    + " every result were compared with an oracle in double precision before its"
                    + " time counted.");
        new MachineCards(files).write(page);
        targets();
        portability();
        rooflines();
        page.element("h2", "Results");
        page.element(
                "p",
                "The floor of a row is the larger of operations over peak and bytes over read"
                    + " bandwidth, both measured in the same minute; the share is the floor over"
                    + " the time. A fastest peer of 1.20× takes 1.20 times as long as Halcyon.");
        new ResultTables(files).write(page);
        peers();
        absences();
        return page.end().end().end().toString();
    }

    private static String style() {
        try (InputStream stream = ReportPage.class.getResourceAsStream(STYLE)) {
            if (stream == null) {
                throw new IllegalStateException(STYLE + " is missing from the jar");
            }
            return new String(stream.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
    }

    private void portability() {
        if (portability.cases().isEmpty()) {
            return;
        }
        page.element("h2", "Performance portability");
        page.begin("div", "class", "scores");
        score("all cases", portability.metric());
        for (String suite : portability.suites()) {
            score(suite, portability.metric(suite));
        }
        page.end();
        page.element(
                "p",
                "Harmonic mean of the efficiencies over "
                        + portability.devices().size()
                        + (portability.devices().size() == 1 ? " device" : " devices")
                        + " (Pennycook, Sewall and Lee 2016), the efficiency being the share of the"
                        + " floor; 0 if a device does not run a case. Emulated devices do not"
                        + " count.");
        if (portability.devices().size() > 1) {
            common();
            perCase();
        } else {
            gaps();
        }
    }

    /// One gap makes the metric 0, so what the rest comes to is said as well.
    private void common() {
        List<CaseScore> shared =
                portability.cases().stream().filter(score -> score.missing().isEmpty()).toList();
        double metric =
                Portability.harmonicMean(
                        shared.stream()
                                .flatMap(score -> score.efficiency().values().stream())
                                .toList());
        page.element(
                "p",
                shared.size()
                        + " of "
                        + portability.cases().size()
                        + " cases run on every device; of those alone it is "
                        + Numbers.percent(metric)
                        + ".");
    }

    private void gaps() {
        List<CaseScore> gaps =
                portability.cases().stream().filter(score -> !score.missing().isEmpty()).toList();
        if (gaps.isEmpty()) {
            return;
        }
        page.begin("ul");
        gaps.forEach(
                score ->
                        page.element(
                                "li", score.name() + " failed, does not run or has no ceiling"));
        page.end();
    }

    private void score(String name, double metric) {
        page.begin("div", "class", "score");
        page.element("strong", Numbers.percent(metric));
        page.element("span", name);
        page.end();
    }

    private void perCase() {
        page.begin("table").begin("thead").begin("tr");
        page.element("th", "case", "scope", "col");
        portability
                .devices()
                .forEach(device -> page.element("th", device.toString(), "scope", "col"));
        page.element("th", "portability", "scope", "col");
        page.end().end().begin("tbody");
        for (CaseScore score : portability.cases()) {
            page.begin("tr", "class", "good").element("th", score.name(), "scope", "row");
            score.efficiency()
                    .forEach(
                            (device, efficiency) ->
                                    page.element(
                                            "td",
                                            Numbers.percent(efficiency),
                                            "data-label",
                                            device.toString(),
                                            "class",
                                            "figure"));
            page.element(
                    "td",
                    Numbers.percent(score.metric()),
                    "data-label",
                    "portability",
                    "class",
                    "figure");
            page.end();
        }
        page.end().end();
    }

    private void rooflines() {
        page.element("h2", "Rooflines");
        for (BenchFile file : files) {
            Machine machine = file.machine();
            for (DeviceInfo device : machine.devices()) {
                Optional<Ceiling> ceiling = machine.ceiling(device.id());
                if (device.emulated() || ceiling.isEmpty()) {
                    continue;
                }
                List<Result> rows =
                        file.results().stream()
                                .filter(
                                        row ->
                                                row.device().equals(device.id())
                                                        && row.threads() == ceiling.get().threads())
                                .filter(row -> row.isGood() && row.flops() > 0 && row.bytes() > 0)
                                .toList();
                if (!rows.isEmpty()) {
                    roofline(device.id() + " of " + machine.name(), ceiling.get(), rows);
                }
            }
        }
    }

    private void roofline(String title, Ceiling ceiling, List<Result> rows) {
        Roofline plot = new Roofline(ceiling, rows);
        page.begin("figure");
        page.element("figcaption", title);
        page.raw(plot.svg(title));
        page.begin("ol", "class", "legend");
        plot.fastest()
                .forEach(
                        row ->
                                page.begin("li", "class", row.suite())
                                        .element("span", row.suite() + " " + row.title())
                                        .end());
        page.end();
        List<String> signs = new ArrayList<>();
        if (rows.size() > plot.fastest().size()) {
            signs.add("A small disc below a number is the same case in Java alone.");
        }
        if (rows.stream().anyMatch(row -> !row.peers().isEmpty())) {
            signs.add("A ring is the case's fastest peer.");
        }
        if (!signs.isEmpty()) {
            page.element("p", String.join(" ", signs));
        }
        page.end();
    }

    private void targets() {
        TargetTables tables = new TargetTables(files);
        if (!tables.isEmpty()) {
            page.element("h2", "Targets");
            page.element(
                    "p",
                    "What was wanted of the processor's kernels in Java alone and with native code."
                            + " Of two limits the first must hold, the second is what to go for; a"
                            + " ratio of 1.20x means that the other one takes 1.20 times as long.");
            tables.write(page);
        }
    }

    private void peers() {
        PeerBars bars = new PeerBars(files);
        if (!bars.isEmpty()) {
            page.element("h2", "Beside other libraries");
            page.element(
                    "p",
                    "Everybody who ran the same case in the same rounds with the same result. The"
                            + " longer the bar, the faster.");
            bars.write(page);
        }
    }

    private void absences() {
        List<BenchFile> lacking =
                files.stream()
                        .filter(file -> !file.notRun().isEmpty() || !file.absentPeers().isEmpty())
                        .toList();
        if (lacking.isEmpty()) {
            return;
        }
        page.element("h2", "What is missing");
        page.begin("ul");
        for (BenchFile file : lacking) {
            String where = files.size() == 1 ? "" : " · " + file.machine().name();
            file.notRun()
                    .forEach(
                            each ->
                                    page.element(
                                            "li",
                                            each.name()
                                                    + " on "
                                                    + each.device()
                                                    + where
                                                    + ": "
                                                    + each.reason()));
            file.absentPeers()
                    .forEach(
                            each ->
                                    page.element(
                                            "li",
                                            "peer " + each.name() + where + ": " + each.reason()));
        }
        page.end();
    }
}
