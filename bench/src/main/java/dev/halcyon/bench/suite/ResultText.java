package dev.halcyon.bench.suite;

import dev.halcyon.bench.result.BenchFile;
import dev.halcyon.bench.result.Machine;
import dev.halcyon.bench.result.NativeCode;
import dev.halcyon.bench.result.Result;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/// Results as aligned text.
public final class ResultText {
    private static final List<String> HEADER =
            List.of(
                    "case",
                    "device",
                    "implementation",
                    "time",
                    "±",
                    "GFLOP/s",
                    "GB/s",
                    "floor",
                    "F32 peak",
                    "fastest peer",
                    "");

    private static final int LEFT_COLUMNS = 3;

    private ResultText() {}

    /// {@return the machine's ceilings, then a line a row}
    public static String of(BenchFile file) {
        StringBuilder text = new StringBuilder();
        file.machine().ceilings().forEach(ceiling -> text.append(ceiling(ceiling)).append('\n'));
        List<List<String>> lines = new ArrayList<>();
        lines.add(HEADER);
        file.results().forEach(result -> lines.add(cells(result)));
        int[] widths = new int[HEADER.size()];
        for (List<String> line : lines) {
            for (int i = 0; i < widths.length; i++) {
                widths[i] = Math.max(widths[i], line.get(i).length());
            }
        }
        text.append('\n');
        for (List<String> line : lines) {
            StringBuilder formatted = new StringBuilder();
            for (int i = 0; i < widths.length; i++) {
                String pad = " ".repeat(widths[i] - line.get(i).length());
                formatted
                        .append(i < LEFT_COLUMNS ? line.get(i) + pad : pad + line.get(i))
                        .append("  ");
            }
            text.append(formatted.toString().stripTrailing()).append('\n');
        }
        return text.toString();
    }

    private static String ceiling(Machine.Ceiling ceiling) {
        StringBuilder text = new StringBuilder(ceiling.device());
        if (ceiling.threads() > 0) {
            text.append(", ")
                    .append(ceiling.threads())
                    .append(ceiling.threads() == 1 ? " thread" : " threads");
        }
        text.append(": ");
        for (Machine.TypePeak peak : ceiling.peaks()) {
            text.append(number("%.0f GFLOP/s ", peak.flops() / 1e9))
                    .append(peak.dtype())
                    .append(" (")
                    .append(peak.how())
                    .append("), ");
        }
        return text.append(number("%.1f GB/s read", ceiling.bytesPerSecond() / 1e9))
                .append(" (")
                .append(ceiling.how())
                .append(")")
                .toString();
    }

    private static List<String> cells(Result result) {
        Result.PeerResult fastest = result.fastestPeer();
        List<String> marks = new ArrayList<>();
        if (!result.isGood()) {
            marks.add("FAILED");
        }
        if (result.contended()) {
            marks.add("contended");
        }
        if (result.nativeCode() == NativeCode.OFF) {
            marks.add("Java");
        }
        if (result.oneThreadRatio() != null) {
            marks.add(number("%.2fx one thread", result.oneThreadRatio()));
        }
        Double allocated = result.allocatedBytes();
        if (allocated != null && result.flops() == 0) {
            marks.add(number("%.0f bytes allocated", allocated));
        }
        if (allocated != null && result.isBoxing()) {
            marks.add(number("BADLY COMPILED: boxes vectors, %.1f GB a run", allocated / 1e9));
        }
        return List.of(
                result.suite() + " " + result.title(),
                result.device(),
                result.variant(),
                time(result.medianSeconds()),
                number("%.0f%%", result.spread() * 100),
                result.flops() > 0
                        ? number("%.1f", result.flops() / result.medianSeconds() / 1e9)
                        : "",
                result.bytes() > 0
                        ? number("%.1f", result.bytes() / result.medianSeconds() / 1e9)
                        : "",
                result.shareOfFloor() == null ? "" : number("%.0f%%", result.shareOfFloor() * 100),
                ofF32Peak(result),
                fastest == null ? "" : number("%.2fx ", fastest.ratio()) + fastest.name(),
                String.join(", ", marks));
    }

    /// What counts for BF16 on a processor whose kernels widen it.
    private static String ofF32Peak(Result result) {
        return result.peakF32Flops() == null
                ? ""
                : number(
                        "%.0f%%",
                        result.flops() / result.medianSeconds() / result.peakF32Flops() * 100);
    }

    private static String time(double seconds) {
        return seconds < 1e-5
                ? number("%.0f ns", seconds * 1e9)
                : seconds < 1e-3
                        ? number("%.1f us", seconds * 1e6)
                        : seconds < 1
                                ? number("%.2f ms", seconds * 1e3)
                                : number("%.2f s", seconds);
    }

    private static String number(String format, double value) {
        return String.format(Locale.ROOT, format, value);
    }
}
