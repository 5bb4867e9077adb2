package dev.halcyon.tck.conformance;

import static dev.halcyon.hal.memory.DType.F32;
import static dev.halcyon.hal.memory.DType.I32;

import dev.halcyon.hal.kernel.attention.CacheAppend;
import dev.halcyon.hal.kernel.attention.CacheGather;
import dev.halcyon.hal.kernel.attention.MlaDecode;
import dev.halcyon.hal.kernel.attention.MlaSchedule;
import dev.halcyon.hal.kernel.elementwise.CrossEntropy;
import dev.halcyon.hal.kernel.elementwise.Embedding;
import dev.halcyon.hal.kernel.linear.GroupedGemm;
import dev.halcyon.hal.kernel.moe.ExpertLoad;
import dev.halcyon.hal.kernel.moe.MoeCombine;
import dev.halcyon.hal.kernel.moe.MoeDispatch;
import dev.halcyon.hal.kernel.moe.MoeGate;
import dev.halcyon.hal.memory.CacheFormat;
import dev.halcyon.hal.memory.WeightFormat;

import java.util.ArrayList;
import java.util.List;

/// Cases whose index tensors hold an index outside its pool: its row is skipped, the other rows are
/// right, nothing else is touched, and the stream fails at the next wait.
final class FaultCases {
    private static final int[] BAD = {-2, Integer.MIN_VALUE, 1 << 30};

    private final List<ConformanceCase> cases = new ArrayList<>();

    private FaultCases() {}

    static List<ConformanceCase> all() {
        FaultCases all = new FaultCases();
        for (int bad : BAD) {
            all.rows(bad);
            all.caches(bad);
            all.experts(bad);
        }
        return all.cases;
    }

    private void rows(int bad) {
        cases.add(
                ProblemCase.of(
                        "Embedding",
                        "bad id " + bad,
                        4,
                        s ->
                                Problem.of(Embedding.of(s.bound(), 5, 7, F32), s)
                                        .intRows("ids", new int[] {1, bad, -1, 4}, 0)
                                        .strided("table", F32, s.normal("table", 35), 5, 7)
                                        .outRows("out", F32, 7)
                                        .exact()
                                        .faulty()
                                        .build()));
        cases.add(
                ProblemCase.of(
                        "CrossEntropy",
                        "bad target " + bad,
                        3,
                        s ->
                                Problem.of(CrossEntropy.of(s.bound(), 9, F32), s)
                                        .rows("logits", F32, s.normal("logits", 27), 9)
                                        .intRows("targets", new int[] {8, bad, -1}, 0)
                                        .outRows("loss", F32)
                                        .outRows("logSumExp", F32)
                                        .sums(F32, 9)
                                        .faulty()
                                        .build()));
    }

    private void caches(int bad) {
        CacheFormat format = CacheFormat.rowMajor(F32, 6, 2, 64);
        cases.add(
                ProblemCase.of(
                        "CacheAppend",
                        "bad slot " + bad,
                        3,
                        s ->
                                Problem.of(CacheAppend.of(s.bound(), format, F32), s)
                                        .rows("latent", F32, s.normal("latent", 18), 6)
                                        .rows("ropeKey", F32, s.normal("ropeKey", 6), 2)
                                        .intRows("slots", new int[] {70, bad, 3}, -1)
                                        .cache(format, 2, s.normal("cache", 2 * 64 * 8))
                                        .exact()
                                        .faulty()
                                        .build()));
        cases.add(
                ProblemCase.of(
                        "CacheGather",
                        "bad slot " + bad,
                        3,
                        s ->
                                Problem.of(CacheGather.of(s.bound(), format, F32), s)
                                        .cache(format, 2, s.normal("cache", 2 * 64 * 8))
                                        .intRows("slots", new int[] {70, bad, 3}, -1)
                                        .outRows("latent", F32, 6)
                                        .outRows("ropeKey", F32, 2)
                                        .exact()
                                        .faulty()
                                        .build()));
        cases.add(
                ProblemCase.of(
                        "MlaDecode",
                        "bad page " + bad,
                        2,
                        s ->
                                Problem.of(MlaDecode.of(s.bound(), 3, 0.5, format, 3, F32), s)
                                        .rows("query", F32, s.normal("query", 2 * 3 * 8), 3, 8)
                                        .cache(format, 4, s.normal("cache", 4 * 64 * 8))
                                        .intRows(
                                                "blockTable", new int[] {2, bad, 0, 3, 1, 77}, 0, 3)
                                        .intRows("lengths", new int[] {140, 100}, 0)
                                        .outRows("out", F32, 3, 6)
                                        .outRows("logSumExp", F32, 3)
                                        .sums(F32, 200)
                                        .faulty()
                                        .build()));
        if (bad < 0) {
            cases.add(
                    ProblemCase.of(
                            "MlaSchedule",
                            "bad length " + bad,
                            3,
                            s ->
                                    Problem.of(new MlaSchedule(s.bound(), 16), s)
                                            .intRows("lengths", new int[] {17, bad, 5}, 0)
                                            .out("splitStart", I32, 4)
                                            .faulty()
                                            .build()));
        }
    }

    private void experts(int bad) {
        cases.add(
                ProblemCase.of(
                        "MoeCombine",
                        "bad row " + bad,
                        3,
                        s ->
                                Problem.of(
                                                new MoeCombine(
                                                        s.bound(), 2, 5, 4, F32, F32, true, true),
                                                s)
                                        .strided("rows", F32, s.normal("rows", 20), 4, 5)
                                        .intRows("tokenRow", new int[] {0, 3, 1, bad, -1, 2}, 0, 2)
                                        .rows("weights", F32, s.normal("weights", 6), 2)
                                        .rows("addend", F32, s.normal("addend", 15), 5)
                                        .outRows("out", F32, 5)
                                        .sums(F32, 2)
                                        .faulty()
                                        .build()));
        cases.add(
                ProblemCase.of(
                        "ExpertLoad",
                        "bad expert " + bad,
                        3,
                        s ->
                                Problem.of(ExpertLoad.of(s.bound(), 2, 4), s)
                                        .intRows("indices", new int[] {0, 3, bad, 1, -1, 2}, 0, 2)
                                        .out("load", I32, 4)
                                        .faulty()
                                        .build()));
        cases.add(
                ProblemCase.of(
                        "MoeGate",
                        "bad token id " + bad,
                        3,
                        s ->
                                Problem.of(
                                                MoeGate.of(
                                                                s.bound(),
                                                                6,
                                                                4,
                                                                2,
                                                                MoeGate.Score.SIGMOID,
                                                                F32)
                                                        .withHash(5),
                                                s)
                                        .rows("x", F32, s.normal("x", 18), 6)
                                        .plain("weight", F32, s.normal("weight", 24), 4, 6)
                                        .intRows("tokenIds", new int[] {0, bad, 4}, 0)
                                        .ints(
                                                "expertTable",
                                                new int[] {0, 1, 2, 3, 1, 2, 3, 0, 1, 3},
                                                5,
                                                2)
                                        .outRows("indices", I32, 2)
                                        .outRows("weights", F32, 2)
                                        .sums(F32, 6)
                                        .faulty()
                                        .build()));
        cases.add(
                ProblemCase.of(
                        "GroupedGemm",
                        "bad segment " + bad,
                        8,
                        s ->
                                Problem.of(
                                                GroupedGemm.contiguous(
                                                        3,
                                                        s.bound(),
                                                        5,
                                                        6,
                                                        F32,
                                                        WeightFormat.rowMajor(F32),
                                                        F32),
                                                s)
                                        .rows("a", F32, s.normal("a", 48), 6)
                                        .weight(
                                                "b",
                                                WeightFormat.rowMajor(F32),
                                                s.normal("b", 90),
                                                3,
                                                5,
                                                6)
                                        .ints(
                                                "segmentStart",
                                                new int[] {0, bad == 1 << 30 ? 3 : bad, 6},
                                                3)
                                        .ints(
                                                "segmentCount",
                                                new int[] {3, bad == 1 << 30 ? bad : 2, 2},
                                                3)
                                        .outRows("out", F32, 5)
                                        .sums(F32, 6)
                                        .faulty()
                                        .build()));
        if (bad < 0) {
            cases.add(
                    ProblemCase.of(
                            "MoeDispatch",
                            "bad expert " + bad,
                            3,
                            s -> {
                                MoeDispatch spec = MoeDispatch.of(s.bound(), 2, 4);
                                int rows = spec.maxRows(s.live());
                                return Problem.of(spec, s)
                                        .intRows("indices", new int[] {0, 3, bad, 1, -1, 2}, 0, 2)
                                        .out("segmentStart", I32, 4)
                                        .out("segmentCount", I32, 4)
                                        .out("rowToken", I32, rows)
                                        .out("rowSlot", I32, rows)
                                        .outRows("tokenRow", I32, 2)
                                        .faulty()
                                        .build();
                            }));
        }
    }
}
