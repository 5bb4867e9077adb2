package dev.halcyon.tck.conformance;

import static dev.halcyon.hal.memory.DType.BF16;
import static dev.halcyon.hal.memory.DType.F16;
import static dev.halcyon.hal.memory.DType.F32;
import static dev.halcyon.hal.memory.DType.F64;
import static dev.halcyon.hal.memory.DType.F8_E4M3;
import static dev.halcyon.hal.memory.DType.F8_E5M2;
import static dev.halcyon.hal.memory.DType.I32;

import dev.halcyon.hal.kernel.attention.Rope;
import dev.halcyon.hal.kernel.attention.RotaryFrequencies;
import dev.halcyon.hal.kernel.elementwise.Axpby;
import dev.halcyon.hal.kernel.elementwise.Cast;
import dev.halcyon.hal.kernel.elementwise.Copy;
import dev.halcyon.hal.kernel.elementwise.CrossEntropy;
import dev.halcyon.hal.kernel.elementwise.Embedding;
import dev.halcyon.hal.kernel.elementwise.Fill;
import dev.halcyon.hal.kernel.elementwise.Reduce;
import dev.halcyon.hal.kernel.elementwise.SwiGlu;
import dev.halcyon.hal.kernel.norm.AddRmsNorm;
import dev.halcyon.hal.kernel.norm.LayerNorm;
import dev.halcyon.hal.kernel.norm.RmsNorm;
import dev.halcyon.hal.kernel.token.Sample;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.WeightFormat;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/// Cases of the specs that work row by row.
final class RowCases {
    private static final int[][] SIZES = {{1, 1}, {3, 7}, {7, 16}, {5, 17}, {2, 129}, {33, 64}};
    private static final DType[] STORED = {F32, BF16};
    private static final double EPSILON = 1e-6;

    private final List<ConformanceCase> cases = new ArrayList<>();

    private RowCases() {}

    static List<ConformanceCase> all() {
        RowCases all = new RowCases();
        for (int[] size : SIZES) {
            for (DType dtype : STORED) {
                all.sized(size[0], size[1], dtype);
            }
        }
        all.sized(4, 40, F16);
        all.sized(4, 40, F64);
        all.mixed();
        all.ropes();
        all.tokens();
        all.reductions();
        return all.cases;
    }

    private void add(
            String spec, int rows, int dim, String what, Function<Setting, Problem> recipe) {
        cases.add(ProblemCase.of(spec, rows + "x" + dim + " " + what, rows, recipe));
    }

    private void sized(int rows, int dim, DType dtype) {
        String stored = dtype.toString();
        long n = (long) rows * dim;
        add(
                "Axpby",
                rows,
                dim,
                stored,
                s ->
                        Problem.of(Axpby.add(s.bound(), dim, dtype).withFactors(1.5, -0.75), s)
                                .rows("x", dtype, s.normal("x", size(s, dim)), dim)
                                .rows("y", dtype, s.normal("y", size(s, dim)), dim)
                                .outRows("out", dtype, dim)
                                .active()
                                .sums(accumulate(dtype), 1)
                                .terms(1)
                                .build());
        add(
                "Axpby",
                rows,
                dim,
                stored + " in place, device scalars",
                s ->
                        Problem.of(Axpby.add(s.bound(), dim, dtype).withDeviceScalars(), s)
                                .rows("x", dtype, s.normal("x", size(s, dim)), dim)
                                .rows("y", dtype, s.normal("y", size(s, dim)), dim)
                                .plain("scalars", F32, s.normal("scalars", 2), 2)
                                .same("out", "y")
                                .active()
                                .sums(accumulate(dtype), 1)
                                .terms(1)
                                .build());
        add(
                "Copy",
                rows,
                dim,
                stored,
                s ->
                        Problem.of(Copy.of(s.bound(), dim, dtype), s)
                                .rows("x", dtype, s.normal("x", size(s, dim)), dim)
                                .outRows("out", dtype, dim)
                                .exact()
                                .build());
        add(
                "Fill",
                rows,
                dim,
                stored,
                s ->
                        Problem.of(Fill.of(s.bound(), dim, dtype, -1.5), s)
                                .outRows("out", dtype, dim)
                                .exact()
                                .build());
        add(
                "SwiGlu",
                rows,
                dim,
                stored,
                s ->
                        Problem.of(SwiGlu.of(s.bound(), dim, dtype), s)
                                .rows("gate", dtype, s.normal("gate", size(s, dim), 4), dim)
                                .rows("up", dtype, s.normal("up", size(s, dim)), dim)
                                .outRows("out", dtype, dim)
                                .active()
                                .sums(accumulate(dtype), 1)
                                .build());
        add(
                "SwiGlu",
                rows,
                dim,
                stored + " clamped, weighted, in place",
                s ->
                        Problem.of(
                                        SwiGlu.of(s.bound(), dim, dtype)
                                                .withLimit(1.25)
                                                .withRowWeight(true),
                                        s)
                                .rows("gate", dtype, s.normal("gate", size(s, dim), 2), dim)
                                .rows("up", dtype, s.normal("up", size(s, dim), 2), dim)
                                .rows("rowWeight", F32, s.normal("rowWeight", s.live()))
                                .same("out", "gate")
                                .active()
                                .sums(accumulate(dtype), 1)
                                .build());
        add(
                "Embedding",
                rows,
                dim,
                stored,
                s ->
                        Problem.of(new Embedding(s.bound(), 11, dim, dtype, dtype), s)
                                .intRows(
                                        "ids",
                                        s.integers("ids", s.live(), -1, 11),
                                        Integer.MAX_VALUE)
                                .strided("table", dtype, s.normal("table", 11L * dim), 11, dim)
                                .outRows("out", dtype, dim)
                                .active()
                                .exact()
                                .build());
        add(
                "RmsNorm",
                rows,
                dim,
                stored,
                s ->
                        Problem.of(RmsNorm.of(s.bound(), dim, dtype, EPSILON), s)
                                .rows("x", dtype, s.normal("x", size(s, dim), 3), dim)
                                .plain("weight", dtype, s.normal("weight", dim), dim)
                                .outRows("out", dtype, dim)
                                .outRows("inverseRms", F32)
                                .active()
                                .sums(accumulate(dtype), dim)
                                .build());
        add(
                "RmsNorm",
                rows,
                dim,
                stored + " unweighted, in place",
                s ->
                        Problem.of(RmsNorm.unweighted(s.bound(), dim, dtype, EPSILON), s)
                                .rows("x", dtype, s.normal("x", size(s, dim), 1e-3), dim)
                                .same("out", "x")
                                .active()
                                .sums(accumulate(dtype), dim)
                                .build());
        add(
                "AddRmsNorm",
                rows,
                dim,
                stored,
                s ->
                        Problem.of(AddRmsNorm.of(s.bound(), dim, dtype, EPSILON), s)
                                .rows("x", dtype, s.normal("x", size(s, dim)), dim)
                                .rows("residual", dtype, s.normal("residual", size(s, dim)), dim)
                                .plain("weight", dtype, s.normal("weight", dim), dim)
                                .same("sum", "residual")
                                .outRows("out", dtype, dim)
                                .active()
                                .chain(accumulate(dtype), dim, dtype, 1)
                                .terms(1)
                                .build());
        add(
                "LayerNorm",
                rows,
                dim,
                stored,
                s ->
                        Problem.of(LayerNorm.of(s.bound(), dim, dtype, EPSILON), s)
                                .rows("x", dtype, s.normal("x", size(s, dim), 2), dim)
                                .plain("weight", dtype, s.normal("weight", dim), dim)
                                .plain("bias", dtype, s.normal("bias", dim), dim)
                                .outRows("out", dtype, dim)
                                .active()
                                .sums(accumulate(dtype), dim)
                                .build());
        add(
                "Reduce",
                rows,
                dim,
                stored + " sum",
                s -> reduce(Reduce.sum((int) n + 3, dtype), dtype, s, n));
        add(
                "Reduce",
                rows,
                dim,
                stored + " max",
                s -> reduce(Reduce.max((int) n + 3, dtype), dtype, s, n));
        add(
                "Reduce",
                rows,
                dim,
                stored + " norm",
                s -> reduce(Reduce.norm((int) n + 3, dtype), dtype, s, n));
        add(
                "CrossEntropy",
                rows,
                dim,
                stored,
                s ->
                        Problem.of(CrossEntropy.of(s.bound(), dim, dtype), s)
                                .rows("logits", dtype, s.normal("logits", size(s, dim), 5), dim)
                                .intRows(
                                        "targets",
                                        s.integers("targets", s.live(), -1, dim),
                                        Integer.MIN_VALUE)
                                .outRows("loss", F32)
                                .outRows("logSumExp", F32)
                                .active()
                                .sums(F32, dim)
                                .terms(1)
                                .build());
        add(
                "Sample",
                rows,
                dim,
                stored + " greedy",
                s ->
                        Problem.of(Sample.greedy(s.bound(), dim, dtype), s)
                                .rows("logits", dtype, s.normal("logits", size(s, dim)), dim)
                                .outRows("ids", I32)
                                .active()
                                .build());
    }

    /// Operands whose values do not sum to nearly nothing, against which every rounding error would
    /// be large.
    private static Problem reduce(Reduce spec, DType dtype, Setting s, long n) {
        return Problem.of(spec, s)
                .plain("x", dtype, s.uniform("x", n, -0.25, 1), n)
                .out("out", F32, 1)
                .sums(F32, n)
                .build();
    }

    private void mixed() {
        DType[][] casts = {
            {F32, BF16},
            {BF16, F32},
            {F32, F16},
            {F16, F32},
            {F32, F8_E4M3},
            {F32, F8_E5M2},
            {F8_E4M3, F32},
            {F8_E5M2, F32},
            {BF16, F8_E4M3},
            {F8_E4M3, BF16},
            {F16, F8_E5M2},
            {F64, F8_E4M3},
            {F64, F32},
            {F64, BF16},
            {F32, F64},
            {BF16, F16}
        };
        for (DType[] cast : casts) {
            add(
                    "Cast",
                    5,
                    37,
                    cast[0] + " to " + cast[1],
                    s ->
                            Problem.of(Cast.of(s.bound(), 37, cast[0], cast[1]), s)
                                    .rows("x", cast[0], s.normal("x", size(s, 37), 200), 37)
                                    .outRows("out", cast[1], 37)
                                    .exact()
                                    .build());
        }
        add(
                "Axpby",
                3,
                19,
                "BF16 + F32 to BF16",
                s ->
                        Problem.of(Axpby.add(s.bound(), 19, F32).withTypes(BF16, F32, BF16), s)
                                .rows("x", BF16, s.normal("x", size(s, 19)), 19)
                                .rows("y", F32, s.normal("y", size(s, 19)), 19)
                                .outRows("out", BF16, 19)
                                .active()
                                .build());
        add(
                "RmsNorm",
                3,
                19,
                "F32 rows, BF16 weight and result",
                s ->
                        Problem.of(
                                        RmsNorm.of(s.bound(), 19, F32, EPSILON)
                                                .withTypes(F32, BF16, BF16),
                                        s)
                                .rows("x", F32, s.normal("x", size(s, 19)), 19)
                                .plain("weight", BF16, s.normal("weight", 19), 19)
                                .outRows("out", BF16, 19)
                                .active()
                                .sums(F32, 19)
                                .build());
        add(
                "SwiGlu",
                3,
                19,
                "F32 to BF16",
                s ->
                        Problem.of(SwiGlu.of(s.bound(), 19, F32).withTypes(F32, BF16), s)
                                .rows("gate", F32, s.normal("gate", size(s, 19)), 19)
                                .rows("up", F32, s.normal("up", size(s, 19)), 19)
                                .outRows("out", BF16, 19)
                                .active()
                                .build());
        add(
                "Embedding",
                9,
                13,
                "BF16 table, F32 rows",
                s ->
                        Problem.of(new Embedding(s.bound(), 5, 13, BF16, F32), s)
                                .intRows("ids", s.integers("ids", s.live(), -1, 5), 77)
                                .strided("table", BF16, s.normal("table", 5 * 13), 5, 13)
                                .outRows("out", F32, 13)
                                .active()
                                .exact()
                                .build());
        add(
                "Embedding",
                9,
                1,
                "I32",
                s ->
                        Problem.of(new Embedding(s.bound(), 5, 1, I32, I32), s)
                                .intRows("ids", s.integers("ids", s.live(), -1, 5), 77)
                                .ints("table", s.integers("table", 5, -9, 9), 5, 1)
                                .outRows("out", I32, 1)
                                .active()
                                .build());
        add(
                "Copy",
                3,
                6,
                "I32",
                s ->
                        Problem.of(Copy.of(s.bound(), 6, I32), s)
                                .intRows("x", s.integers("x", s.live() * 6L, -99, 99), 1, 6)
                                .outRows("out", I32, 6)
                                .build());
    }

    private void ropes() {
        RotaryFrequencies plain = RotaryFrequencies.plain(8, 10_000);
        RotaryFrequencies yarn = RotaryFrequencies.yarn(64, 10_000, 40, 4096, 32, 1, 1, 0.7);
        for (DType dtype : STORED) {
            for (Rope.Pairing pairing : Rope.Pairing.values()) {
                rope(1, 1, 8, 0, plain, pairing, false, dtype);
                rope(7, 3, 13, 2, plain, pairing, true, dtype);
                rope(5, 2, 64, 0, yarn, pairing, false, dtype);
                rope(4, 1, 70, 6, yarn, pairing, true, dtype);
            }
        }
    }

    private void rope(
            int rows,
            int heads,
            int headDim,
            int first,
            RotaryFrequencies frequencies,
            Rope.Pairing pairing,
            boolean inverse,
            DType dtype) {
        String what =
                rows
                        + "x"
                        + heads
                        + "x"
                        + headDim
                        + " "
                        + pairing
                        + (inverse ? " inverse " : " ")
                        + dtype;
        cases.add(
                ProblemCase.of(
                        "Rope",
                        what,
                        rows,
                        s ->
                                rope(s, heads, headDim, first, frequencies, pairing, inverse, dtype)
                                        .outRows("out", dtype, heads, headDim)
                                        .build()));
        cases.add(
                ProblemCase.of(
                        "Rope",
                        what + " in place",
                        rows,
                        s ->
                                rope(s, heads, headDim, first, frequencies, pairing, inverse, dtype)
                                        .same("out", "x")
                                        .build()));
    }

    private static Problem.Builder rope(
            Setting s,
            int heads,
            int headDim,
            int first,
            RotaryFrequencies frequencies,
            Rope.Pairing pairing,
            boolean inverse,
            DType dtype) {
        Rope spec =
                Rope.of(s.bound(), heads, headDim, frequencies, dtype)
                        .withFirstRotated(first)
                        .withPairing(pairing)
                        .withInverse(inverse);
        return Problem.of(spec, s)
                .rows("x", dtype, s.normal("x", (long) s.live() * heads * headDim), heads, headDim)
                .intRows(
                        "positions",
                        s.integers("positions", s.live(), 0, 200_000),
                        Integer.MIN_VALUE)
                .active()
                .sums(accumulate(dtype), 1);
    }

    private void tokens() {
        for (DType dtype : STORED) {
            for (int vocab : new int[] {1, 5, 131}) {
                add(
                        "Sample",
                        6,
                        vocab,
                        dtype + " random",
                        s ->
                                Problem.of(Sample.random(s.bound(), vocab, dtype), s)
                                        .rows(
                                                "logits",
                                                dtype,
                                                s.normal("logits", size(s, vocab), 2),
                                                vocab)
                                        .rows(
                                                "temperature",
                                                F32,
                                                s.uniform("temperature", s.live(), 0.3, 1.5))
                                        .rows("topP", F32, s.uniform("topP", s.live(), 0.3, 1.1))
                                        .intRows(
                                                "topK",
                                                s.integers("topK", s.live(), 0, vocab + 2),
                                                1)
                                        .rows(
                                                "seed",
                                                DType.I64,
                                                toDoubles(
                                                        s.integers(
                                                                "seed",
                                                                s.live(),
                                                                0,
                                                                Integer.MAX_VALUE)))
                                        .intRows(
                                                "position",
                                                s.integers("position", s.live(), 0, 1000),
                                                0)
                                        .outRows("ids", I32)
                                        .active()
                                        .build());
                add(
                        "Sample",
                        4,
                        vocab,
                        dtype + " random, whole vocabulary",
                        s ->
                                Problem.of(Sample.random(s.bound(), vocab, dtype), s)
                                        .rows(
                                                "logits",
                                                dtype,
                                                s.normal("logits", size(s, vocab)),
                                                vocab)
                                        .rows(
                                                "seed",
                                                DType.I64,
                                                toDoubles(
                                                        s.integers(
                                                                "seed",
                                                                s.live(),
                                                                0,
                                                                Integer.MAX_VALUE)))
                                        .intRows(
                                                "position",
                                                s.integers("position", s.live(), 0, 1000),
                                                0)
                                        .outRows("ids", I32)
                                        .active()
                                        .build());
            }
        }
        add(
                "Sample",
                5,
                9,
                "ties and NaN",
                s ->
                        Problem.of(Sample.greedy(s.bound(), 9, F32), s)
                                .rows("logits", F32, tied(s), 9)
                                .outRows("ids", I32)
                                .active()
                                .build());
        add(
                "CrossEntropy",
                3,
                50,
                "large logits",
                s ->
                        Problem.of(CrossEntropy.of(s.bound(), 50, F32), s)
                                .rows("logits", F32, s.normal("logits", size(s, 50), 300), 50)
                                .intRows("targets", s.integers("targets", s.live(), 0, 50), -7)
                                .outRows("loss", F32)
                                .outRows("logSumExp", F32)
                                .active()
                                .sums(F32, 50)
                                .terms(300)
                                .build());
    }

    /// Every value is one of three, and some are NaN, which ranks last.
    private static double[] tied(Setting s) {
        int[] values = s.integers("logits", size(s, 9), 0, 4);
        double[] logits = new double[values.length];
        for (int i = 0; i < logits.length; i++) {
            logits[i] = values[i] == 3 ? Double.NaN : values[i];
        }
        return logits;
    }

    private void reductions() {
        cases.add(
                ProblemCase.of(
                        "Reduce",
                        "norm of a list",
                        1,
                        s ->
                                Problem.of(Reduce.norm(40, F32), s)
                                        .weight(
                                                "x",
                                                WeightFormat.rowMajor(F32).listed(),
                                                s.normal("x", 3 * 12),
                                                3,
                                                4,
                                                3)
                                        .out("out", F32, 1)
                                        .sums(F32, 36)
                                        .build()));
        cases.add(
                ProblemCase.of(
                        "Reduce",
                        "max of negative numbers",
                        1,
                        s ->
                                Problem.of(Reduce.max(40, BF16), s)
                                        .plain("x", BF16, s.uniform("x", 35, -9, -1), 5, 7)
                                        .out("out", F32, 1)
                                        .build()));
        cases.add(
                ProblemCase.of(
                        "Reduce",
                        "sum of many",
                        1,
                        s ->
                                Problem.of(Reduce.sum(70_000, F32), s)
                                        .plain("x", F32, s.uniform("x", 65_537, 0, 1), 65_537)
                                        .out("out", F32, 1)
                                        .sums(F32, 65_537)
                                        .build()));
    }

    private static long size(Setting s, int dim) {
        return (long) s.live() * dim;
    }

    private static double[] toDoubles(int[] values) {
        double[] wide = new double[values.length];
        for (int i = 0; i < wide.length; i++) {
            wide[i] = values[i];
        }
        return wide;
    }

    /// {@return the type that a spec says it computes rows of `dtype` in}
    static DType accumulate(DType dtype) {
        return dtype == F64 ? F64 : F32;
    }
}
