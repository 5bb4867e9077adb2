package dev.halcyon.bench.goal;

import dev.halcyon.bench.result.NativeCode;

import java.util.ArrayList;
import java.util.List;

/// The table of targets as aligned text, or as Markdown: cases that were measured.
public final class TargetText {
    private static final List<String> HEADER =
            List.of("target", "case", "Vector API", "", "with native code", "");

    private TargetText() {}

    /// {@return aligned columns; what must hold and what to go for is in parentheses}
    public static String aligned(Scorecard card) {
        List<List<String>> lines = new ArrayList<>(List.of(HEADER));
        lines.addAll(cells(card));
        int[] widths = new int[HEADER.size()];
        for (List<String> line : lines) {
            for (int i = 0; i < widths.length; i++) {
                widths[i] = Math.max(widths[i], line.get(i).length());
            }
        }
        StringBuilder text = new StringBuilder();
        for (List<String> line : lines) {
            StringBuilder one = new StringBuilder();
            for (int i = 0; i < widths.length; i++) {
                one.append(line.get(i)).append(" ".repeat(widths[i] - line.get(i).length() + 2));
            }
            text.append(one.toString().stripTrailing()).append('\n');
        }
        return text.append('\n').append(summary(card)).toString();
    }

    /// {@return a table in Markdown}
    public static String markdown(Scorecard card) {
        StringBuilder text = new StringBuilder();
        text.append(row(HEADER)).append("|---".repeat(HEADER.size())).append("|\n");
        cells(card).forEach(line -> text.append(row(line)));
        return text.append('\n').append(summary(card).replace("\n", "  \n")).toString();
    }

    private static String row(List<String> cells) {
        return "| " + String.join(" | ", cells) + " |\n";
    }

    private static String summary(Scorecard card) {
        return "Vector API: "
                + card.summary(NativeCode.OFF)
                + "\nwith native code: "
                + card.summary(NativeCode.ON)
                + "\n";
    }

    private static List<List<String>> cells(Scorecard card) {
        List<List<String>> lines = new ArrayList<>();
        String last = "";
        for (Scorecard.Line line : card.lines()) {
            if (!line.isKnown()) {
                continue;
            }
            int height = Math.max(line.java().size(), line.nativeCode().size());
            for (int i = 0; i < height; i++) {
                List<String> cells = new ArrayList<>();
                cells.add(line.target().name().equals(last) ? "" : line.target().name());
                cells.add(i == 0 ? line.caseName() : "");
                last = line.target().name();
                side(cells, line.java(), i);
                if (line.isSame()) {
                    cells.add(i == 0 ? "same" : "");
                    cells.add("");
                } else {
                    side(cells, line.nativeCode(), i);
                }
                lines.add(cells);
            }
        }
        return lines;
    }

    private static void side(List<String> cells, List<Verdict> verdicts, int index) {
        if (index >= verdicts.size()) {
            cells.add("");
            cells.add("");
            return;
        }
        Verdict verdict = verdicts.get(index);
        String limits = "(" + verdict.wanted() + ")";
        cells.add((verdict.measured() + " " + limits).strip());
        cells.add(verdict.word());
    }
}
