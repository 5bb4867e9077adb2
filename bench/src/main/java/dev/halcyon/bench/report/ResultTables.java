package dev.halcyon.bench.report;

import dev.halcyon.bench.result.BenchFile;
import dev.halcyon.bench.result.NativeCode;
import dev.halcyon.bench.result.Result;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// The rows of all files, a table a suite; on a narrow screen each row becomes a card.
record ResultTables(List<BenchFile> files) {
    private static final List<String> COLUMNS =
            List.of(
                    "case",
                    "device",
                    "implementation",
                    "time",
                    "spread",
                    "GFLOP/s",
                    "GB/s",
                    "share of floor",
                    "fastest peer",
                    "remarks");

    private static final List<String> FIGURES = List.of("time", "spread", "GFLOP/s", "GB/s");

    /// A row with the file it is from.
    private record Row(BenchFile file, Result result) {}

    void write(Markup page) {
        Map<String, List<Row>> suites = new LinkedHashMap<>();
        for (BenchFile file : files) {
            for (Result result : file.results()) {
                suites.computeIfAbsent(result.suite(), name -> new ArrayList<>())
                        .add(new Row(file, result));
            }
        }
        suites.forEach((suite, rows) -> write(page, suite, rows));
    }

    private void write(Markup page, String suite, List<Row> rows) {
        boolean calls = suite.equals("hal");
        page.element("h3", heading(suite), "id", suite);
        page.begin("table").begin("thead").begin("tr");
        for (String column : COLUMNS) {
            if (shown(column, calls)) {
                page.element("th", column, "scope", "col");
            }
        }
        page.end().end().begin("tbody");
        rows.forEach(row -> write(page, row, calls));
        page.end().end();
    }

    /// Calls of the API have neither operations nor peers.
    private static boolean shown(String column, boolean calls) {
        return !calls
                || !List.of("implementation", "GFLOP/s", "GB/s", "share of floor", "fastest peer")
                        .contains(column);
    }

    private void write(Markup page, Row row, boolean calls) {
        Result result = row.result;
        page.begin("tr", "class", result.isGood() ? "good" : "bad");
        page.element("th", result.title(), "scope", "row");
        cell(page, "device", device(row));
        if (!calls) {
            cell(
                    page,
                    "implementation",
                    result.variant() + (result.nativeCode() == NativeCode.ON ? ", native" : ""));
        }
        cell(page, "time", Numbers.time(result.medianSeconds()));
        cell(page, "spread", Numbers.percent(result.spread()));
        if (!calls) {
            cell(
                    page,
                    "GFLOP/s",
                    result.flops() > 0
                            ? Numbers.giga(result.flops() / result.medianSeconds())
                            : "");
            cell(
                    page,
                    "GB/s",
                    result.bytes() > 0
                            ? Numbers.giga(result.bytes() / result.medianSeconds())
                            : "");
            share(page, result.shareOfFloor());
            Result.PeerResult peer = result.fastestPeer();
            cell(
                    page,
                    "fastest peer",
                    peer == null ? "" : Numbers.ratio(peer.ratio()) + " " + peer.name());
        }
        cell(page, "remarks", String.join("; ", remarks(row)));
        page.end();
    }

    private String device(Row row) {
        String device =
                row.result.device()
                        + (row.result.threads() == 1 && isMultithreaded(row) ? ", 1 thread" : "");
        return files.size() == 1 ? device : device + " · " + row.file.machine().name();
    }

    private static boolean isMultithreaded(Row row) {
        return row.file
                .machine()
                .ceiling(row.result.device())
                .map(ceiling -> ceiling.threads() > 1)
                .orElse(false);
    }

    private static void cell(Markup page, String label, String text) {
        String kind = text.isEmpty() ? "none" : FIGURES.contains(label) ? "figure" : "words";
        page.element("td", text, "data-label", label, "class", kind);
    }

    private static void share(Markup page, @Nullable Double share) {
        if (share == null) {
            cell(page, "share of floor", "");
            return;
        }
        page.begin("td", "data-label", "share of floor", "class", "share");
        page.element("span", Numbers.percent(share));
        page.begin("span", "class", "meter")
                .begin(
                        "span",
                        "style",
                        "width:" + Numbers.of("%.1f%%", Math.clamp(share, 0, 1) * 100))
                .end()
                .end();
        page.end();
    }

    private static List<String> remarks(Row row) {
        Result result = row.result;
        List<String> remarks = new ArrayList<>();
        if (row.file.machine().isEmulated(result.device())) {
            remarks.add("emulated: the time means nothing");
        }
        if (result.failure() != null) {
            remarks.add("failed: " + result.failure());
        }
        if (result.contended()) {
            remarks.add(
                    "contended"
                            + (result.foreignLoad() == null
                                    ? ""
                                    : ", others used "
                                            + Numbers.percent(result.foreignLoad())
                                            + " of the processors"));
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

    private static String heading(String suite) {
        return switch (suite) {
            case "gemm" -> "Matrix products";
            case "moe" -> "Mixture of experts";
            case "mla" -> "Latent attention";
            case "muon" -> "Muon";
            case "hal" -> "Calls of the API";
            default -> suite;
        };
    }
}
