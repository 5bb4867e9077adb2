package dev.halcyon.bench.report;

import dev.halcyon.bench.goal.Scorecard;
import dev.halcyon.bench.goal.Verdict;
import dev.halcyon.bench.result.BenchFile;
import dev.halcyon.bench.result.NativeCode;

import java.util.List;
import java.util.Locale;

/// What was wanted of each case and what came of it, a table a machine.
record TargetTables(List<BenchFile> files) {
    private static final String JAVA = "Vector API";
    private static final String NATIVE = "with native code";

    boolean isEmpty() {
        return files.stream().allMatch(file -> Scorecard.of(file).isEmpty());
    }

    void write(Markup page) {
        for (BenchFile file : files) {
            Scorecard card = Scorecard.of(file);
            if (!card.isEmpty()) {
                if (files.size() > 1) {
                    page.element("h3", file.machine().name());
                }
                scores(page, card);
                table(page, card);
            }
        }
    }

    private static void scores(Markup page, Scorecard card) {
        page.begin("div", "class", "scores");
        score(page, card, NativeCode.OFF, JAVA);
        score(page, card, NativeCode.ON, NATIVE);
        page.end();
    }

    private static void score(Markup page, Scorecard card, NativeCode side, String name) {
        long reached = card.count(side, Verdict.Standing.REACHED);
        long held = reached + card.count(side, Verdict.Standing.HOLDS);
        long known = held + card.count(side, Verdict.Standing.MISSED);
        if (known == 0) {
            return;
        }
        page.begin("div", "class", "score");
        page.element("strong", held + " of " + known);
        page.element("span", name + ": hold, " + reached + " reach what to go for");
        page.end();
    }

    private static void table(Markup page, Scorecard card) {
        page.begin("table", "class", "targets").begin("thead").begin("tr");
        for (String column : List.of("target", "case", JAVA, NATIVE)) {
            page.element("th", column, "scope", "col");
        }
        page.end().end().begin("tbody");
        String last = "";
        for (Scorecard.Line line : card.lines()) {
            if (!line.isKnown()) {
                continue;
            }
            String name = line.target().name();
            page.begin("tr");
            page.element(
                    "th", name, "scope", "row", "class", name.equals(last) ? "again" : "first");
            last = name;
            page.element("td", line.caseName(), "data-label", "case", "class", "words");
            verdicts(page, JAVA, line.java());
            if (line.isSame()) {
                page.element("td", "the same", "data-label", NATIVE, "class", "verdicts soft");
            } else {
                verdicts(page, NATIVE, line.nativeCode());
            }
            page.end();
        }
        page.end().end();
    }

    private static void verdicts(Markup page, String label, List<Verdict> verdicts) {
        page.begin("td", "data-label", label, "class", verdicts.isEmpty() ? "none" : "verdicts");
        page.begin("div");
        for (Verdict verdict : verdicts) {
            String standing = verdict.standing().name().toLowerCase(Locale.ROOT);
            page.begin("div", "class", "verdict " + standing);
            page.element("span", verdict.word(), "class", "word");
            if (verdict.value() != null) {
                page.element("strong", verdict.measured());
            }
            page.element("small", verdict.wanted());
            page.end();
        }
        page.end().end();
    }
}
