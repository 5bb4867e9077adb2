package dev.halcyon.bench.report;

import dev.halcyon.bench.result.Machine.Ceiling;
import dev.halcyon.bench.result.Machine.TypePeak;
import dev.halcyon.bench.result.Result;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// One device's rows under its roof: operations a second over operations a byte, both on
/// logarithmic axes.
///
/// Cases are numbered marks in their suite's colour, each where the fastest of its rows is; a line
/// leads from a mark to where it belongs if it had to step aside. Slower rows of a case are small
/// discs, and a ring is its fastest peer. Colours come from the page's style sheet.
///
/// @param ceiling the roof
/// @param rows the rows
record Roofline(Ceiling ceiling, List<Result> rows) {
    private static final double WIDTH = 460;
    private static final double HEIGHT = 320;
    private static final double LEFT = 46;
    private static final double RIGHT = 12;
    private static final double TOP = 14;
    private static final double BOTTOM = 40;
    private static final double MARK = 7.5;

    /// A range of powers of ten.
    private record Axis(double low, double high, double from, double to) {
        static Axis around(double smallest, double largest, double from, double to) {
            return new Axis(
                    Math.floor(Math.log10(smallest) * 2) / 2,
                    Math.ceil(Math.log10(largest) * 2) / 2,
                    from,
                    to);
        }

        double at(double value) {
            return from + (Math.log10(value) - low) / (high - low) * (to - from);
        }

        List<Double> decades() {
            List<Double> ticks = new ArrayList<>();
            for (int power = (int) Math.ceil(low); power <= Math.floor(high); power++) {
                ticks.add(Math.pow(10, power));
            }
            return ticks;
        }
    }

    /// A mark's place, and the place that it stands for.
    private record Mark(int number, Result row, double x, double y, double trueX, double trueY) {}

    /// {@return the fastest row of each case, in the order of their numbers}
    List<Result> fastest() {
        Map<String, Result> fastest = new LinkedHashMap<>();
        for (Result row : rows) {
            fastest.merge(
                    row.suite() + " " + row.title(),
                    row,
                    (a, b) -> a.medianSeconds() <= b.medianSeconds() ? a : b);
        }
        return List.copyOf(fastest.values());
    }

    String svg(String title) {
        double peak = ceiling.peaks().stream().mapToDouble(TypePeak::flops).max().orElseThrow();
        double ridge = peak / ceiling.bytesPerSecond();
        double lowX = rows.stream().mapToDouble(Roofline::intensity).min().orElse(ridge);
        double highX = rows.stream().mapToDouble(Roofline::intensity).max().orElse(ridge);
        double lowY =
                rows.stream()
                        .mapToDouble(row -> row.flops() / row.medianSeconds())
                        .min()
                        .orElse(peak);
        Axis x =
                Axis.around(
                        Math.min(lowX, ridge) / 2, Math.max(highX, ridge) * 2, LEFT, WIDTH - RIGHT);
        Axis y = Axis.around(Math.min(lowY, peak) / 2, peak * 1.3, HEIGHT - BOTTOM, TOP);
        Markup svg =
                new Markup()
                        .begin(
                                "svg",
                                "viewBox",
                                "0 0 " + (int) WIDTH + " " + (int) HEIGHT,
                                "role",
                                "img",
                                "aria-label",
                                "Roofline of " + title,
                                "class",
                                "plot");
        axes(svg, x, y);
        roof(svg, x, y);
        List<Mark> marks = marks(x, y);
        for (Result row : rows) {
            if (marks.stream().noneMatch(mark -> mark.row == row)) {
                slower(svg, row, x, y);
            }
        }
        for (Mark mark : marks) {
            draw(svg, mark, y);
        }
        return svg.end().toString();
    }

    private static void axes(Markup svg, Axis x, Axis y) {
        for (double tick : x.decades()) {
            svg.empty(
                    "line",
                    "x1",
                    x.at(tick),
                    "x2",
                    x.at(tick),
                    "y1",
                    TOP,
                    "y2",
                    HEIGHT - BOTTOM,
                    "class",
                    "grid");
            svg.element(
                    "text",
                    label(tick),
                    "x",
                    x.at(tick),
                    "y",
                    HEIGHT - BOTTOM + 15,
                    "text-anchor",
                    x.at(tick) > WIDTH - 2 * RIGHT ? "end" : "middle");
        }
        for (double tick : y.decades()) {
            svg.empty(
                    "line",
                    "x1",
                    LEFT,
                    "x2",
                    WIDTH - RIGHT,
                    "y1",
                    y.at(tick),
                    "y2",
                    y.at(tick),
                    "class",
                    "grid");
            svg.element(
                    "text",
                    label(tick / 1e9),
                    "x",
                    LEFT - 5,
                    "y",
                    y.at(tick) + 4,
                    "text-anchor",
                    "end");
        }
        svg.element(
                "text",
                "operations a byte",
                "x",
                WIDTH - RIGHT,
                "y",
                HEIGHT - 6,
                "text-anchor",
                "end",
                "class",
                "axis");
        svg.element("text", "GFLOP/s", "x", 4.0, "y", HEIGHT - 6, "class", "axis");
    }

    private static String label(double value) {
        return value >= 1
                ? Numbers.of("%.0f", value)
                : Numbers.of("%.3g", value).replaceAll("0+$", "");
    }

    /// One roof a type, the slope of the bandwidth under all of them.
    private void roof(Markup svg, Axis x, Axis y) {
        double highX = Math.pow(10, x.high());
        double lowX =
                Math.max(Math.pow(10, x.low()), Math.pow(10, y.low()) / ceiling.bytesPerSecond());
        double previous = 0;
        for (TypePeak peak :
                ceiling.peaks().stream()
                        .sorted(Comparator.comparingDouble(TypePeak::flops))
                        .toList()) {
            if (peak.flops() == previous) {
                continue;
            }
            previous = peak.flops();
            double ridge = peak.flops() / ceiling.bytesPerSecond();
            svg.empty(
                    "polyline",
                    "points",
                    point(x, y, lowX, lowX * ceiling.bytesPerSecond())
                            + " "
                            + point(x, y, ridge, peak.flops())
                            + " "
                            + point(x, y, highX, peak.flops()),
                    "class",
                    "roof");
            svg.element(
                    "text",
                    peak.dtype() + " " + Numbers.giga(peak.flops()),
                    "x",
                    WIDTH - RIGHT - 3,
                    "y",
                    y.at(peak.flops()) - 4,
                    "text-anchor",
                    "end",
                    "class",
                    "rooflabel");
        }
        double halfway =
                Math.sqrt(lowX * ceiling.peaks().getFirst().flops() / ceiling.bytesPerSecond());
        svg.element(
                "text",
                Numbers.giga(ceiling.bytesPerSecond()) + " GB/s",
                "x",
                x.at(halfway) - 6,
                "y",
                y.at(halfway * ceiling.bytesPerSecond()) - 6,
                "text-anchor",
                "end",
                "class",
                "rooflabel");
    }

    private static String point(Axis x, Axis y, double atX, double atY) {
        return Numbers.of("%.1f", x.at(atX)) + "," + Numbers.of("%.1f", y.at(atY));
    }

    /// Marks that would hide each other step down until they do not.
    private List<Mark> marks(Axis x, Axis y) {
        List<Mark> placed = new ArrayList<>();
        List<Result> fastest = fastest();
        for (int i = 0; i < fastest.size(); i++) {
            Result row = fastest.get(i);
            double trueX = x.at(intensity(row));
            double trueY = y.at(row.flops() / row.medianSeconds());
            double atX = trueX;
            double atY = trueY;
            for (int step = 1; collides(placed, atX, atY) && step < 400; step++) {
                // A spiral, flattened so that it stays under the roof.
                atX =
                        Math.clamp(
                                trueX + step * 0.6 * Math.cos(step * 0.9),
                                LEFT + MARK,
                                WIDTH - RIGHT - MARK);
                atY =
                        Math.clamp(
                                trueY + step * 0.6 * Math.abs(Math.sin(step * 0.9)),
                                TOP + MARK,
                                HEIGHT - BOTTOM - MARK);
            }
            placed.add(new Mark(i + 1, row, atX, atY, trueX, trueY));
        }
        return placed;
    }

    private static boolean collides(List<Mark> placed, double x, double y) {
        return placed.stream().anyMatch(mark -> Math.hypot(mark.x - x, mark.y - y) < 2 * MARK);
    }

    private static void slower(Markup svg, Result row, Axis x, Axis y) {
        svg.begin("g", "class", "mark " + row.suite());
        svg.element("title", tip(row));
        svg.empty(
                "circle",
                "cx",
                x.at(intensity(row)),
                "cy",
                y.at(row.flops() / row.medianSeconds()),
                "r",
                2.6,
                "class",
                "disc");
        svg.end();
    }

    private static String tip(Result row) {
        return row.suite()
                + " "
                + row.title()
                + ", "
                + row.variant()
                + ": "
                + Numbers.giga(row.flops() / row.medianSeconds())
                + " GFLOP/s";
    }

    private static void draw(Markup svg, Mark mark, Axis y) {
        Result row = mark.row;
        Result.PeerResult peer = row.fastestPeer();
        svg.begin("g", "class", "mark " + row.suite() + (row.contended() ? " contended" : ""));
        svg.element("title", tip(row));
        if (peer != null) {
            double peerY = y.at(row.flops() / peer.medianSeconds());
            if (peerY > TOP && peerY < HEIGHT - BOTTOM) {
                svg.empty("circle", "cx", mark.trueX, "cy", peerY, "r", 3.5, "class", "peer");
            }
        }
        if (Math.hypot(mark.x - mark.trueX, mark.y - mark.trueY) > 1) {
            svg.empty(
                    "line",
                    "x1",
                    mark.trueX,
                    "y1",
                    mark.trueY,
                    "x2",
                    mark.x,
                    "y2",
                    mark.y,
                    "class",
                    "lead");
            svg.empty("circle", "cx", mark.trueX, "cy", mark.trueY, "r", 1.8, "class", "dot");
        }
        svg.empty("circle", "cx", mark.x, "cy", mark.y, "r", MARK, "class", "disc");
        svg.element(
                "text",
                Integer.toString(mark.number),
                "x",
                mark.x,
                "y",
                mark.y + 3.2,
                "text-anchor",
                "middle",
                "class",
                "number");
        svg.end();
    }

    private static double intensity(Result row) {
        return row.flops() / row.bytes();
    }
}
