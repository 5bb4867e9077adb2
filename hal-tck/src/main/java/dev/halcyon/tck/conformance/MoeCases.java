package dev.halcyon.tck.conformance;

import static dev.halcyon.hal.memory.DType.BF16;
import static dev.halcyon.hal.memory.DType.F32;
import static dev.halcyon.hal.memory.DType.I32;

import dev.halcyon.hal.kernel.moe.BalanceLoss;
import dev.halcyon.hal.kernel.moe.ExpertLoad;
import dev.halcyon.hal.kernel.moe.MoeCombine;
import dev.halcyon.hal.kernel.moe.MoeDispatch;
import dev.halcyon.hal.kernel.moe.MoeGate;
import dev.halcyon.hal.kernel.moe.MoeLayer;
import dev.halcyon.hal.kernel.moe.RouterBiasUpdate;
import dev.halcyon.hal.kernel.moe.SwiGluMlp;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.QuantizationScheme;
import dev.halcyon.hal.memory.WeightFormat;

import java.util.ArrayList;
import java.util.List;
import java.util.function.IntUnaryOperator;

/// Cases of mixture-of-experts specs: every gate, every expert empty or hot, one token and many.
final class MoeCases {
    private static final DType[] STORED = {F32, BF16};

    private final List<ConformanceCase> cases = new ArrayList<>();

    private MoeCases() {}

    static List<ConformanceCase> all() {
        MoeCases all = new MoeCases();
        for (DType dtype : STORED) {
            all.gates(dtype);
            all.layers(dtype);
            all.networks(dtype);
            all.preferred(dtype);
            all.combine(dtype);
        }
        all.dispatch();
        all.balance();
        return all.cases;
    }

    private void gates(DType dtype) {
        for (int tokens : new int[] {1, 7, 33}) {
            gate(
                    tokens,
                    24,
                    gate(24, 16, 4, MoeGate.Score.SIGMOID, dtype).withBias(true).withScale(2.5),
                    "bias");
            gate(
                    tokens,
                    40,
                    gate(40, 32, 8, MoeGate.Score.SIGMOID, dtype)
                            .withBias(true)
                            .withGroups(8, 4, MoeGate.GroupScore.TOP2_SUM)
                            .withScale(2.5),
                    "groups by two");
            gate(
                    tokens,
                    17,
                    gate(17, 24, 6, MoeGate.Score.SOFTMAX, dtype)
                            .withGroups(6, 3, MoeGate.GroupScore.MAX)
                            .withScale(16),
                    "groups by one");
            gate(tokens, 9, gate(9, 64, 6, MoeGate.Score.SOFTMAX, dtype), "softmax");
            gate(
                    tokens,
                    33,
                    gate(33, 24, 6, MoeGate.Score.SQRT_SOFTPLUS, dtype).withBias(true),
                    "softplus");
            gate(tokens, 5, gate(5, 7, 7, MoeGate.Score.SIGMOID, dtype), "all experts");
            gate(tokens, 1, gate(1, 1, 1, MoeGate.Score.SIGMOID, dtype), "one expert");
            hashed(tokens, dtype);
        }
        cases.add(
                ProblemCase.of(
                        "MoeGate",
                        "equal experts " + dtype,
                        5,
                        s -> {
                            MoeGate spec =
                                    of(
                                            s,
                                            gate(8, 12, 3, MoeGate.Score.SIGMOID, dtype)
                                                    .withBias(true));
                            double[] weight = new double[12 * 8];
                            return Problem.of(spec, s)
                                    .rows("x", dtype, s.normal("x", s.live() * 8L), 8)
                                    .plain("weight", dtype, weight, 12, 8)
                                    .plain("bias", F32, new double[12], 12)
                                    .outRows("indices", I32, 3)
                                    .outRows("weights", F32, 3)
                                    .active()
                                    .sums(F32, 8)
                                    .build();
                        }));
    }

    private static MoeGate gate(
            int hidden, int experts, int topK, MoeGate.Score score, DType dtype) {
        return MoeGate.of(1, hidden, experts, topK, score, dtype);
    }

    /// The same gate for the tokens of a setting.
    private static MoeGate of(Setting s, MoeGate gate) {
        return new MoeGate(
                s.bound(),
                gate.hidden(),
                gate.experts(),
                gate.topK(),
                gate.score(),
                gate.groups(),
                gate.keptGroups(),
                gate.groupScore(),
                gate.bias(),
                gate.normalise(),
                gate.scale(),
                gate.hashVocab(),
                gate.x(),
                gate.weight());
    }

    private void gate(int tokens, int hidden, MoeGate gate, String what) {
        cases.add(
                ProblemCase.of(
                        "MoeGate",
                        what + " " + tokens + " tokens " + gate.x(),
                        tokens,
                        s -> {
                            Problem.Builder problem =
                                    Problem.of(of(s, gate), s)
                                            .rows(
                                                    "x",
                                                    gate.x(),
                                                    s.normal("x", (long) s.live() * hidden),
                                                    hidden)
                                            .plain(
                                                    "weight",
                                                    gate.weight(),
                                                    router(s, gate, "weight"),
                                                    gate.experts(),
                                                    hidden);
                            if (gate.bias()) {
                                problem.plain(
                                        "bias",
                                        F32,
                                        s.normal("bias", gate.experts(), 0.1),
                                        gate.experts());
                            }
                            return problem.outRows("indices", I32, gate.topK())
                                    .outRows("weights", F32, gate.topK())
                                    .outRows("scores", F32, gate.experts())
                                    .active()
                                    .sums(F32, hidden)
                                    .build();
                        }));
    }

    private static double[] router(Setting s, MoeGate gate, String operand) {
        return s.normal(
                operand, (long) gate.experts() * gate.hidden(), 1 / Math.sqrt(gate.hidden()));
    }

    private void hashed(int tokens, DType dtype) {
        int vocab = 19;
        MoeGate gate =
                gate(12, 10, 3, MoeGate.Score.SQRT_SOFTPLUS, dtype).withHash(vocab).withScale(1.5);
        cases.add(
                ProblemCase.of(
                        "MoeGate",
                        "hashed " + tokens + " tokens " + dtype,
                        tokens,
                        s ->
                                Problem.of(of(s, gate), s)
                                        .rows("x", dtype, s.normal("x", s.live() * 12L), 12)
                                        .plain("weight", dtype, router(s, gate, "weight"), 10, 12)
                                        .intRows(
                                                "tokenIds",
                                                s.integers("tokenIds", s.live(), 0, vocab),
                                                -5)
                                        .ints("expertTable", table(vocab, 3, 10), vocab, 3)
                                        .outRows("indices", I32, 3)
                                        .outRows("weights", F32, 3)
                                        .active()
                                        .sums(F32, 12)
                                        .build()));
    }

    private static int[] table(int vocab, int topK, int experts) {
        int[] table = new int[vocab * topK];
        for (int i = 0; i < table.length; i++) {
            table[i] = (i / topK * 7 + i % topK * 3) % experts;
        }
        return table;
    }

    private void layers(DType dtype) {
        WeightFormat plain = WeightFormat.rowMajor(dtype);
        MoeGate flat = gate(24, 8, 3, MoeGate.Score.SIGMOID, dtype).withBias(true).withScale(2.5);
        MoeGate grouped =
                gate(40, 16, 4, MoeGate.Score.SIGMOID, dtype)
                        .withBias(true)
                        .withGroups(4, 2, MoeGate.GroupScore.TOP2_SUM);
        for (int tokens : new int[] {1, 9}) {
            layer(tokens, MoeLayer.of(flat, 12, plain).withShared(20, plain, plain), "shared", 0.1);
            layer(tokens, MoeLayer.of(grouped, 17, plain), "groups", 0.1);
            layer(
                    tokens,
                    MoeLayer.of(flat, 12, plain)
                            .withLimit(0.5)
                            .withPosition(MoeLayer.WeightPosition.BEFORE_DOWN)
                            .withShared(12, plain, plain),
                    "clamped, weight first",
                    0.1);
            layer(
                    tokens,
                    MoeLayer.of(flat, 12, plain).withLocalExperts(2, 3),
                    "three of eight experts",
                    0.1);
            layer(tokens, MoeLayer.of(flat, 16, plain.listed()), "listed", 0.1);
            layer(tokens, MoeLayer.of(flat, 12, plain), "hot experts", 50);
            layer(
                    tokens,
                    MoeLayer.of(flat, 12, plain)
                            .withShared(20, plain, plain)
                            .withBatchInvariant(true),
                    "invariant",
                    0.1);
            WeightFormat fp8 = WeightFormat.rowMajor(QuantizationScheme.FP8_BLOCK_128);
            layer(tokens, MoeLayer.of(flat, 130, fp8).withShared(24, fp8, fp8), "FP8", 0.1);
            layer(tokens, MoeLayer.of(flat, 32, fp8.listed()), "FP8 listed", 0.1);
            layer(
                    tokens,
                    MoeLayer.of(flat, 41, plain).withShared(12, plain, plain),
                    "preferred layout",
                    0.1,
                    true);
        }
        // Enough rows an expert that a device may compute them in other tiles.
        layer(70, MoeLayer.of(flat, 20, plain).withShared(12, plain, plain), "hot experts", 50);
        layer(70, MoeLayer.of(flat, 33, plain), "preferred layout", 50, true);
    }

    /// @param bias spread of the selection bias; a large one sends every token to the same experts
    private void layer(int tokens, MoeLayer layer, String what, double bias) {
        layer(tokens, layer, what, bias, false);
    }

    /// @param preferred whether weights are in the device's own layouts
    private void layer(int tokens, MoeLayer layer, String what, double bias, boolean preferred) {
        MoeGate gate = layer.gate();
        cases.add(
                ProblemCase.of(
                        "MoeLayer",
                        what + " " + tokens + " tokens " + gate.x(),
                        tokens,
                        s -> {
                            int hidden = gate.hidden();
                            int local = layer.localExperts();
                            int width = layer.expertDim();
                            MoeLayer spec = withTokens(s, preferred ? stored(s, layer) : layer);
                            long n = (long) local * width * hidden;
                            double scale = 1 / Math.sqrt(hidden);
                            Problem.Builder problem =
                                    Problem.of(spec, s)
                                            .rows(
                                                    "x",
                                                    gate.x(),
                                                    s.normal("x", (long) s.live() * hidden),
                                                    hidden)
                                            .plain(
                                                    "gateWeight",
                                                    gate.weight(),
                                                    router(s, gate, "gateWeight"),
                                                    gate.experts(),
                                                    hidden)
                                            .plain(
                                                    "gateBias",
                                                    F32,
                                                    s.normal("gateBias", gate.experts(), bias),
                                                    gate.experts())
                                            .weight(
                                                    "gateProj",
                                                    spec.gateUp(),
                                                    s.normal("gateProj", n, scale),
                                                    local,
                                                    width,
                                                    hidden)
                                            .weight(
                                                    "upProj",
                                                    spec.gateUp(),
                                                    s.normal("upProj", n, scale),
                                                    local,
                                                    width,
                                                    hidden)
                                            .weight(
                                                    "downProj",
                                                    spec.down(),
                                                    s.normal("downProj", n, scale),
                                                    local,
                                                    hidden,
                                                    width);
                            if (layer.hasShared()) {
                                int shared = layer.sharedDim();
                                long m = (long) shared * hidden;
                                problem.weight(
                                                "sharedGate",
                                                spec.sharedGateUp(),
                                                s.normal("sharedGate", m, scale),
                                                shared,
                                                hidden)
                                        .weight(
                                                "sharedUp",
                                                spec.sharedGateUp(),
                                                s.normal("sharedUp", m, scale),
                                                shared,
                                                hidden)
                                        .weight(
                                                "sharedDown",
                                                spec.sharedDown(),
                                                s.normal("sharedDown", m, scale),
                                                hidden,
                                                shared);
                            }
                            return problem.outRows("out", layer.out(), hidden)
                                    .outDenseRows("indices", I32, gate.topK())
                                    .outDenseRows("weights", F32, gate.topK())
                                    .active()
                                    .chain(F32, Math.max(hidden, width), layer.intermediate(), 3)
                                    .build();
                        }));
    }

    /// The same layer with weights as the device likes them.
    private static MoeLayer stored(Setting s, MoeLayer layer) {
        int hidden = layer.gate().hidden();
        int local = layer.localExperts();
        int width = layer.expertDim();
        int shared = layer.sharedDim();
        MoeLayer routed =
                layer.withFormats(
                        s.preferred(layer.gateUp(), local, width, hidden),
                        s.preferred(layer.down(), local, hidden, width));
        return layer.hasShared()
                ? routed.withShared(
                        shared,
                        s.preferred(layer.sharedGateUp(), shared, hidden),
                        s.preferred(layer.sharedDown(), hidden, shared))
                : routed;
    }

    private static MoeLayer withTokens(Setting s, MoeLayer layer) {
        return new MoeLayer(
                of(s, layer.gate()),
                layer.expertDim(),
                layer.sharedDim(),
                layer.firstExpert(),
                layer.localExperts(),
                layer.gateUp(),
                layer.down(),
                layer.sharedGateUp(),
                layer.sharedDown(),
                layer.limit(),
                layer.position(),
                layer.intermediate(),
                layer.out(),
                layer.batchInvariant());
    }

    private void networks(DType dtype) {
        WeightFormat plain = WeightFormat.rowMajor(dtype);
        WeightFormat fp8 = WeightFormat.rowMajor(QuantizationScheme.FP8_BLOCK_128);
        for (int rows : new int[] {1, 6, 33, 70}) {
            network(rows, 24, 44, plain, dtype, Double.POSITIVE_INFINITY);
            network(rows, 17, 5, plain, dtype, 0.5);
            network(rows, 136, 130, fp8, dtype, Double.POSITIVE_INFINITY);
        }
    }

    private void preferred(DType dtype) {
        int hidden = 48;
        int width = 40;
        cases.add(
                ProblemCase.of(
                        "SwiGluMlp",
                        "preferred layout " + dtype,
                        5,
                        s -> {
                            WeightFormat wide =
                                    s.preferred(WeightFormat.rowMajor(dtype), width, hidden);
                            WeightFormat narrow =
                                    s.preferred(WeightFormat.rowMajor(dtype), hidden, width);
                            SwiGluMlp spec =
                                    SwiGluMlp.of(s.bound(), hidden, width, wide, dtype)
                                            .withFormats(wide, narrow);
                            return Problem.of(spec, s)
                                    .rows(
                                            "x",
                                            dtype,
                                            s.normal("x", (long) s.live() * hidden),
                                            hidden)
                                    .weight(
                                            "gate",
                                            wide,
                                            s.normal("gate", (long) width * hidden, 0.15),
                                            width,
                                            hidden)
                                    .weight(
                                            "up",
                                            wide,
                                            s.normal("up", (long) width * hidden, 0.15),
                                            width,
                                            hidden)
                                    .weight(
                                            "down",
                                            narrow,
                                            s.normal("down", (long) hidden * width, 0.15),
                                            hidden,
                                            width)
                                    .outRows("out", dtype, hidden)
                                    .active()
                                    .chain(F32, hidden, dtype, 2)
                                    .build();
                        }));
    }

    private void network(
            int rows, int hidden, int width, WeightFormat format, DType dtype, double limit) {
        String what = rows + "x" + hidden + "x" + width + " " + dtype + " by " + format;
        cases.add(
                ProblemCase.of(
                        "SwiGluMlp",
                        what,
                        rows,
                        s ->
                                Problem.of(
                                                SwiGluMlp.of(
                                                                s.bound(), hidden, width, format,
                                                                dtype)
                                                        .withLimit(limit),
                                                s)
                                        .rows(
                                                "x",
                                                dtype,
                                                s.normal("x", (long) s.live() * hidden),
                                                hidden)
                                        .weight(
                                                "gate",
                                                format,
                                                s.normal(
                                                        "gate",
                                                        (long) width * hidden,
                                                        1 / Math.sqrt(hidden)),
                                                width,
                                                hidden)
                                        .weight(
                                                "up",
                                                format,
                                                s.normal(
                                                        "up",
                                                        (long) width * hidden,
                                                        1 / Math.sqrt(hidden)),
                                                width,
                                                hidden)
                                        .weight(
                                                "down",
                                                format,
                                                s.normal(
                                                        "down",
                                                        (long) hidden * width,
                                                        1 / Math.sqrt(width)),
                                                hidden,
                                                width)
                                        .outRows("out", dtype, hidden)
                                        .active()
                                        .chain(F32, Math.max(hidden, width), dtype, 2)
                                        .build()));
    }

    private void dispatch() {
        for (int alignment : new int[] {1, 4}) {
            dispatch("spread", 11, 3, 0, 8, alignment, i -> (i / 3 * 5 + i % 3 * 3 + 1) % 8);
            dispatch("one token", 1, 2, 0, 4, alignment, i -> 3 - i);
            dispatch("hot expert", 9, 1, 0, 5, alignment, i -> 2);
            dispatch("local range", 13, 4, 3, 4, alignment, i -> (i / 4 + i % 4 * 3) % 12);
            dispatch("nobody here", 5, 2, 20, 3, alignment, i -> i % 2);
            dispatch("unrouted tokens", 8, 2, 0, 6, alignment, i -> i % 3 == 0 ? -1 : (i * 5) % 6);
        }
    }

    private void dispatch(
            String what,
            int tokens,
            int topK,
            int first,
            int local,
            int alignment,
            IntUnaryOperator expert) {
        String name = what + ", alignment " + alignment;
        cases.add(
                ProblemCase.of(
                        "MoeDispatch",
                        name,
                        tokens,
                        s -> {
                            MoeDispatch spec =
                                    MoeDispatch.of(s.bound(), topK, local)
                                            .withLocalExperts(first, local)
                                            .withAlignment(alignment);
                            int[] indices = new int[s.live() * topK];
                            for (int i = 0; i < indices.length; i++) {
                                indices[i] = expert.applyAsInt(i);
                            }
                            int rows =
                                    s.isBounded()
                                            ? spec.maxRows()
                                            : Math.max(1, spec.maxRows(s.live()));
                            return Problem.of(spec, s)
                                    .intRows("indices", indices, first, topK)
                                    .out("segmentStart", I32, local)
                                    .out("segmentCount", I32, local)
                                    .out("rowToken", I32, rows)
                                    .out("rowSlot", I32, rows)
                                    .outRows("tokenRow", I32, topK)
                                    .active()
                                    .whole()
                                    .build();
                        }));
    }

    private void combine(DType dtype) {
        for (int tokens : new int[] {1, 7}) {
            for (int dim : new int[] {1, 17, 64}) {
                combine(tokens, dim, dtype, true, true, false);
                combine(tokens, dim, dtype, true, true, true);
                combine(tokens, dim, dtype, false, false, false);
            }
        }
    }

    private void combine(
            int tokens, int dim, DType dtype, boolean weighted, boolean addend, boolean inPlace) {
        int topK = 3;
        int rows = 10;
        String what =
                tokens
                        + "x"
                        + dim
                        + " "
                        + dtype
                        + (weighted ? " weighted" : "")
                        + (inPlace ? " in place" : "");
        cases.add(
                ProblemCase.of(
                        "MoeCombine",
                        what,
                        tokens,
                        s -> {
                            MoeCombine spec =
                                    new MoeCombine(
                                            s.bound(),
                                            topK,
                                            dim,
                                            s.isBounded() ? rows + 5 : rows,
                                            dtype,
                                            dtype,
                                            weighted,
                                            addend);
                            Problem.Builder problem =
                                    Problem.of(spec, s)
                                            .strided(
                                                    "rows",
                                                    dtype,
                                                    s.normal("rows", (long) rows * dim),
                                                    rows,
                                                    dim)
                                            .intRows(
                                                    "tokenRow",
                                                    s.integers(
                                                            "tokenRow",
                                                            (long) s.live() * topK,
                                                            -1,
                                                            rows),
                                                    99,
                                                    topK)
                                            .active()
                                            .sums(F32, topK)
                                            .terms(1);
                            if (weighted) {
                                problem.rows(
                                        "weights",
                                        F32,
                                        s.normal("weights", (long) s.live() * topK),
                                        topK);
                            }
                            if (addend) {
                                problem.rows(
                                        "addend",
                                        dtype,
                                        s.normal("addend", (long) s.live() * dim),
                                        dim);
                            }
                            return inPlace
                                    ? problem.same("out", "addend").build()
                                    : problem.outRows("out", dtype, dim).build();
                        }));
    }

    private void balance() {
        for (int tokens : new int[] {1, 13}) {
            for (boolean add : new boolean[] {false, true}) {
                cases.add(
                        ProblemCase.of(
                                "ExpertLoad",
                                tokens + " tokens" + (add ? " added" : ""),
                                tokens,
                                s -> {
                                    Problem.Builder problem =
                                            Problem.of(
                                                            ExpertLoad.of(s.bound(), 3, 7)
                                                                    .withAdd(add),
                                                            s)
                                                    .intRows(
                                                            "indices",
                                                            s.integers(
                                                                    "indices",
                                                                    s.live() * 3L,
                                                                    -1,
                                                                    7),
                                                            70,
                                                            3)
                                                    .active();
                                    return add
                                            ? problem.ints("load", s.integers("load", 7, 0, 100), 7)
                                                    .build()
                                            : problem.out("load", I32, 7).build();
                                }));
            }
            cases.add(
                    ProblemCase.of(
                            "BalanceLoss",
                            tokens + " tokens",
                            tokens,
                            s ->
                                    Problem.of(BalanceLoss.of(s.bound(), 4, 9, 2).withAlpha(0.5), s)
                                            .rows(
                                                    "scores",
                                                    F32,
                                                    s.uniform("scores", s.live() * 9L, 0.05, 1),
                                                    9)
                                            .intRows(
                                                    "indices",
                                                    s.integers("indices", s.live() * 2L, -1, 9),
                                                    -1,
                                                    2)
                                            .ints(
                                                    "sequenceStart",
                                                    new int[] {
                                                        0, s.live() / 3, s.live() / 3, s.live()
                                                    },
                                                    4)
                                            .out("loss", F32, 1)
                                            .whole()
                                            .sums(F32, s.live() * 9L)
                                            .build()));
        }
        cases.add(
                ProblemCase.of(
                        "RouterBiasUpdate",
                        "one expert at the mean",
                        1,
                        s ->
                                Problem.of(RouterBiasUpdate.of(5).withRate(0.01), s)
                                        .plain("bias", F32, s.normal("bias", 5), 5)
                                        .ints("load", new int[] {10, 0, 20, 11, 9}, 5)
                                        .sums(F32, 1)
                                        .build()));
        cases.add(
                ProblemCase.of(
                        "RouterBiasUpdate",
                        "many experts",
                        1,
                        s ->
                                Problem.of(RouterBiasUpdate.of(257), s)
                                        .plain("bias", F32, s.normal("bias", 257), 257)
                                        .ints("load", s.integers("load", 257, 0, 1000), 257)
                                        .sums(F32, 1)
                                        .build()));
    }
}
