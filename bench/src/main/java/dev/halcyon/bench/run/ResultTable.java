package dev.halcyon.bench.run;

import dev.halcyon.bench.ceiling.MachineCeilings;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/// The rows of a run as aligned text.
public final class ResultTable {
    private static final List<String> HEADER =
            List.of(
                    "work",
                    "implementation",
                    "time",
                    "GFLOP/s",
                    "GB/s",
                    "share",
                    "error",
                    "allowed",
                    "");

    private ResultTable() {}

    /// {@return the table with one line a row and a line a note}
    ///
    /// @param ceilings what the machine can do, empty where it was not measured
    public static String of(List<Row> rows, Optional<MachineCeilings> ceilings) {
        List<List<String>> cells = new ArrayList<>();
        cells.add(HEADER);
        rows.forEach(row -> cells.add(cells(row, ceilings)));
        int[] widths = new int[HEADER.size()];
        for (List<String> line : cells) {
            for (int i = 0; i < widths.length; i++) {
                widths[i] = Math.max(widths[i], line.get(i).length());
            }
        }
        StringBuilder text = new StringBuilder();
        for (int line = 0; line < cells.size(); line++) {
            StringBuilder formatted = new StringBuilder();
            for (int i = 0; i < widths.length; i++) {
                String cell = cells.get(line).get(i);
                String pad = " ".repeat(widths[i] - cell.length());
                formatted.append(i < 2 ? cell + pad : pad + cell).append("  ");
            }
            text.append(formatted.toString().stripTrailing()).append('\n');
            if (line > 0 && !rows.get(line - 1).note().isEmpty()) {
                text.append("    ").append(rows.get(line - 1).note()).append('\n');
            }
        }
        return text.toString();
    }

    private static List<String> cells(Row row, Optional<MachineCeilings> ceilings) {
        boolean timed = row.seconds() > 0;
        boolean counted = timed && row.flops() > 0;
        String share =
                counted && ceilings.isPresent()
                        ? percent(
                                row.share(ceilings.get().floorSeconds(row.flops(), row.bytes()))
                                        .orElse(Double.NaN))
                        : "";
        return List.of(
                row.work(),
                row.implementation(),
                timed ? time(row.seconds()) : "",
                counted ? number("%.1f", row.flops() / row.seconds() / 1e9) : "",
                counted ? number("%.1f", row.bytes() / row.seconds() / 1e9) : "",
                share,
                row.tolerance() == 0
                        ? (row.passed() ? "equal" : "differs")
                        : number("%.1e", row.error()),
                row.tolerance() == 0 ? "equal" : number("%.0e", row.tolerance()),
                row.passed() ? "PASS" : "FAIL");
    }

    private static String time(double seconds) {
        return seconds < 1 ? number("%.2f ms", seconds * 1e3) : number("%.2f s", seconds);
    }

    private static String percent(double share) {
        return number("%.0f%%", share * 100);
    }

    private static String number(String format, double value) {
        return String.format(Locale.ROOT, format, value);
    }
}
