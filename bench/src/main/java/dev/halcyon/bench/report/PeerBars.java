package dev.halcyon.bench.report;

import dev.halcyon.bench.result.BenchFile;
import dev.halcyon.bench.result.Result;

import java.util.Comparator;
import java.util.List;

/// Every peer's time over ours as a bar: to the right of the line in the middle, we are faster.
record PeerBars(List<BenchFile> files) {
    /// Ratios beyond 4 and a quarter end at the edge.
    private static final double EDGE = 2;

    boolean isEmpty() {
        return files.stream()
                .flatMap(file -> file.results().stream())
                .allMatch(row -> row.peers().isEmpty());
    }

    void write(Markup page) {
        for (BenchFile file : files) {
            for (Result row : file.results()) {
                if (!row.peers().isEmpty()) {
                    write(page, file, row);
                }
            }
        }
    }

    private void write(Markup page, BenchFile file, Result row) {
        page.begin("div", "class", "bars");
        page.element(
                "h4",
                row.suite()
                        + " "
                        + row.title()
                        + (files.size() == 1 ? "" : " · " + file.machine().name()));
        row.peers().stream()
                .sorted(Comparator.comparingDouble(Result.PeerResult::medianSeconds))
                .forEach(
                        peer -> {
                            page.begin("div", "class", "bar");
                            page.element(
                                    "span", peer.name() + " " + peer.version(), "class", "who");
                            page.begin("span", "class", "track")
                                    .begin(
                                            "span",
                                            "class",
                                            side(peer.ratio()),
                                            "style",
                                            style(peer.ratio()));
                            page.end().end();
                            page.element("span", Numbers.ratio(peer.ratio()), "class", "times");
                            page.end();
                        });
        page.end();
    }

    private static String side(double ratio) {
        return ratio >= 1 ? "faster" : "slower";
    }

    private static String style(double ratio) {
        double reach = Math.min(1, Math.abs(Math.log(ratio) / Math.log(2)) / EDGE) * 50;
        double left = ratio >= 1 ? 50 : 50 - reach;
        return "left:" + Numbers.of("%.1f%%", left) + ";width:" + Numbers.of("%.1f%%", reach);
    }
}
