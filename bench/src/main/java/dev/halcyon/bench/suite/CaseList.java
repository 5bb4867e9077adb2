package dev.halcyon.bench.suite;

import static dev.halcyon.hal.memory.DType.BF16;
import static dev.halcyon.hal.memory.DType.F32;
import static dev.halcyon.hal.memory.DType.F8_E4M3;

import dev.halcyon.bench.goal.Targets;
import dev.halcyon.bench.problem.DecodeProblem;
import dev.halcyon.bench.problem.GemmProblem;
import dev.halcyon.bench.problem.MoeProblem;
import dev.halcyon.bench.problem.MuonProblem;
import dev.halcyon.bench.problem.PrefillProblem;
import dev.halcyon.bench.problem.Problem;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/// The cases of the benchmark.
final class CaseList {
    /// One case.
    ///
    /// @param problem what is computed
    /// @param quick whether a quick run has it
    /// @param scaling whether it is timed on one thread as well: what is bound by computing
    record Case(Problem problem, boolean quick, boolean scaling) {
        String name() {
            return problem.suite() + " " + problem.title();
        }
    }

    private CaseList() {}

    /// {@return the cases that these options ask for}
    static List<Case> of(BenchOptions options) {
        return all().stream()
                .filter(each -> options.suites().contains(each.problem().suite()))
                .filter(each -> !options.quick() || each.quick())
                .filter(each -> !options.targets() || Targets.isTargeted(each.name()))
                .filter(each -> contains(each.name(), options.text()))
                .toList();
    }

    static boolean contains(String name, String text) {
        return name.toLowerCase(Locale.ROOT).contains(text.toLowerCase(Locale.ROOT));
    }

    /// {@return every case there is}
    static List<Case> all() {
        List<Case> cases = new ArrayList<>();
        gemm(cases);
        moe(cases);
        mla(cases);
        muon(cases);
        return List.copyOf(cases);
    }

    private static void gemm(List<Case> cases) {
        for (int size : new int[] {512, 1024, 2048, 4096}) {
            cases.add(
                    new Case(
                            GemmProblem.square(size, F32),
                            size == 512 || size == 2048,
                            size == 2048));
        }
        cases.add(new Case(GemmProblem.general(512, 7168, 2048, F32), true, false));
        for (int rows : new int[] {1, 8, 64, 512}) {
            cases.add(
                    new Case(
                            GemmProblem.coldLinear(rows, 7168, 2048, BF16),
                            rows != 64,
                            rows == 512));
        }
    }

    private static void moe(List<Case> cases) {
        for (int tokens : new int[] {1, 16, 256}) {
            cases.add(
                    new Case(
                            MoeProblem.moonlight(tokens, BF16, tokens < 256), tokens != 16, false));
        }
        for (int tokens : new int[] {1, 16, 256}) {
            cases.add(
                    new Case(
                            MoeProblem.moonlight(tokens, F8_E4M3, tokens < 256),
                            tokens == 1,
                            false));
        }
    }

    private static void mla(List<Case> cases) {
        cases.add(new Case(DecodeProblem.of(128, 4096), false, false));
        cases.add(new Case(DecodeProblem.of(128, 32_768), true, true));
        cases.add(new Case(DecodeProblem.of(128, 1 << 20), false, false));
        cases.add(new Case(DecodeProblem.of(16, 32_768), true, false));
        cases.add(new Case(PrefillProblem.v2Lite(2048, F32), true, true));
        cases.add(new Case(PrefillProblem.v2Lite(2048, BF16), true, true));
    }

    private static void muon(List<Case> cases) {
        cases.add(new Case(new MuonProblem(1, 512, 2048, true), true, false));
        cases.add(new Case(new MuonProblem(1, 2048, 7168, false), false, false));
        cases.add(new Case(new MuonProblem(1, 2048, 7168, true), false, true));
        cases.add(new Case(new MuonProblem(64, 1408, 2048, true), false, false));
    }
}
