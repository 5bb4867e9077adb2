package dev.halcyon.bench.report;

import dev.halcyon.bench.result.BenchFile;
import dev.halcyon.bench.result.NativeCode;
import dev.halcyon.bench.result.Result;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Everybody who ran a case, as bars: the longer, the faster.
record PeerBars(List<BenchFile> files) {
    /// One bar.
    ///
    /// @param name who
    /// @param detail version or implementation
    /// @param seconds how long it took
    /// @param kind class of its bar
    private record Bar(String name, String detail, double seconds, String kind) {}

    boolean isEmpty() {
        return files.stream()
                .flatMap(file -> file.results().stream())
                .allMatch(row -> row.peers().isEmpty());
    }

    void write(Markup page) {
        page.begin("div", "class", "races");
        for (BenchFile file : files) {
            Map<String, List<Result>> cases = new LinkedHashMap<>();
            file.results().stream()
                    .filter(row -> !row.peers().isEmpty() && row.isGood())
                    .forEach(
                            row ->
                                    cases.computeIfAbsent(
                                                    row.suite() + " " + row.title(),
                                                    name -> new ArrayList<>())
                                            .add(row));
            cases.forEach(
                    (name, rows) ->
                            write(
                                    page,
                                    name + (files.size() == 1 ? "" : " · " + file.machine().name()),
                                    bars(rows)));
        }
        page.end();
    }

    private static List<Bar> bars(List<Result> rows) {
        List<Bar> bars = new ArrayList<>();
        for (Result row : rows) {
            bars.add(
                    new Bar(
                            "Halcyon" + (row.nativeCode() == NativeCode.ON ? ", native" : ""),
                            row.variant(),
                            row.medianSeconds(),
                            row.nativeCode() == NativeCode.ON ? "ours native" : "ours"));
        }
        rows.getFirst()
                .peers()
                .forEach(
                        peer ->
                                bars.add(
                                        new Bar(
                                                peer.name(),
                                                peer.version(),
                                                peer.medianSeconds(),
                                                "theirs")));
        bars.sort(Comparator.comparingDouble(Bar::seconds));
        return bars;
    }

    private static void write(Markup page, String title, List<Bar> bars) {
        double fastest = bars.getFirst().seconds;
        page.begin("section", "class", "race").element("h4", title);
        for (Bar bar : bars) {
            page.begin("div", "class", "bar " + bar.kind);
            page.begin("span", "class", "who").text(bar.name + " ");
            page.element("small", bar.detail).end();
            page.begin("span", "class", "track")
                    .begin(
                            "span",
                            "style",
                            "width:" + Numbers.of("%.1f%%", fastest / bar.seconds * 100))
                    .end()
                    .end();
            page.element("span", Numbers.time(bar.seconds), "class", "times");
            page.end();
        }
        page.end();
    }
}
