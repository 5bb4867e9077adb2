package dev.halcyon.tck.conformance;

import static dev.halcyon.hal.memory.DType.BF16;
import static dev.halcyon.hal.memory.DType.F32;
import static dev.halcyon.hal.memory.DType.F64;

import dev.halcyon.hal.kernel.linear.Dequantize;
import dev.halcyon.hal.kernel.linear.Gemm;
import dev.halcyon.hal.kernel.linear.GroupedGemm;
import dev.halcyon.hal.kernel.linear.PackWeight;
import dev.halcyon.hal.kernel.linear.Quantize;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.QuantizationScheme;
import dev.halcyon.hal.memory.WeightFormat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// Cases of matrix products and of the conversion of weights.
final class LinearCases {
    /// m, n, k: one, primes, and both sides of the sizes that kernels cut into tiles.
    private static final int[][] PRODUCTS = {
        {1, 1, 1},
        {1, 17, 64},
        {2, 16, 0},
        {3, 7, 5},
        {4, 64, 33},
        {5, 31, 130},
        {8, 65, 16},
        {13, 15, 257},
        {33, 33, 63},
        {1, 257, 128},
        {31, 1, 65}
    };

    private static final QuantizationScheme[] SCHEMES = {
        QuantizationScheme.FP8_BLOCK_128,
        QuantizationScheme.FP8_BLOCK_128_UE8M0,
        QuantizationScheme.FP8_TOKEN_128,
        QuantizationScheme.FP8_TOKEN_128_UE8M0,
        QuantizationScheme.FP8_BLOCK_128.withTypes(DType.F8_E5M2, F32),
        QuantizationScheme.FP4_GROUP_32,
        QuantizationScheme.INT4_GROUP_32,
        QuantizationScheme.FP8_BLOCK_128.withBlock(3, 5)
    };

    private final List<ConformanceCase> cases = new ArrayList<>();

    private LinearCases() {}

    static List<ConformanceCase> all() {
        LinearCases all = new LinearCases();
        for (int[] size : PRODUCTS) {
            for (DType dtype : new DType[] {F32, BF16}) {
                all.linear(
                        size[0],
                        size[1],
                        size[2],
                        dtype,
                        WeightFormat.rowMajor(dtype),
                        dtype,
                        false);
            }
        }
        all.formats();
        all.shapes();
        all.grouped();
        all.conversions();
        return all.cases;
    }

    private void linear(
            int m, int n, int k, DType a, WeightFormat b, DType out, boolean invariant) {
        String what =
                m
                        + "x"
                        + n
                        + "x"
                        + k
                        + " "
                        + a
                        + " by "
                        + b
                        + " to "
                        + out
                        + (invariant ? " invariant" : "");
        cases.add(
                ProblemCase.of(
                        "Gemm",
                        what,
                        m,
                        s -> {
                            Gemm spec =
                                    Gemm.linear(s.bound(), k, n, a, b, out)
                                            .withBatchInvariant(invariant)
                                            .withAccumulate(RowCases.accumulate(a));
                            return Problem.of(spec, s)
                                    .rows("a", a, s.normal("a", (long) s.live() * k), k)
                                    .weight("b", b, s.normal("b", (long) n * k), n, k)
                                    .outRows("out", out, n)
                                    .active()
                                    .sums(RowCases.accumulate(a), k)
                                    .build();
                        }));
    }

    private void formats() {
        for (int[] size : new int[][] {{1, 48, 256}, {5, 37, 160}, {33, 130, 96}}) {
            for (QuantizationScheme scheme : SCHEMES) {
                if (scheme.blockRows() != 1 || scheme.values().isPacked()) {
                    linear(
                            size[0],
                            size[1],
                            size[2],
                            BF16,
                            WeightFormat.rowMajor(scheme),
                            BF16,
                            false);
                    linear(
                            size[0],
                            size[1],
                            size[2],
                            F32,
                            WeightFormat.rowMajor(scheme),
                            F32,
                            false);
                }
            }
            linear(size[0], size[1], size[2], BF16, WeightFormat.rowMajor(BF16), F32, true);
            linear(size[0], size[1], size[2], F32, WeightFormat.rowMajor(BF16), F32, true);
            linear(size[0], size[1], size[2], F32, WeightFormat.rowMajor(F32), BF16, true);
            for (DType dtype : new DType[] {F32, BF16}) {
                preferred(size[0], size[1], size[2], dtype);
            }
        }
        for (DType dtype : new DType[] {F32, BF16, DType.F8_E4M3}) {
            stacks(dtype);
        }
        linear(3, 9, 20, F64, WeightFormat.rowMajor(F64), F64, false);
        linear(3, 9, 20, DType.F16, WeightFormat.rowMajor(DType.F16), DType.F16, false);
    }

    /// The weight is packed on the device first, into the layout that it names.
    private void preferred(int m, int n, int k, DType dtype) {
        cases.add(
                ProblemCase.of(
                        "Gemm",
                        m + "x" + n + "x" + k + " " + dtype + " preferred layout",
                        m,
                        s -> {
                            WeightFormat format = s.preferred(WeightFormat.rowMajor(dtype), n, k);
                            return Problem.of(Gemm.linear(s.bound(), k, n, dtype, format, dtype), s)
                                    .rows("a", dtype, s.normal("a", (long) s.live() * k), k)
                                    .weight("b", format, s.normal("b", (long) n * k), n, k)
                                    .outRows("out", dtype, n)
                                    .active()
                                    .sums(F32, k)
                                    .build();
                        }));
        cases.add(
                ProblemCase.of(
                        "PackWeight",
                        n + "x" + k + " " + dtype + " there and back",
                        1,
                        s -> {
                            WeightFormat rowMajor = WeightFormat.rowMajor(dtype);
                            WeightFormat format = s.preferred(rowMajor, n, k);
                            double[] values = s.normal("from", (long) n * k);
                            // A device that prefers rows has nothing to pack; then the list form is
                            // the other side.
                            return format.isRowMajor()
                                    ? Problem.of(
                                                    PackWeight.matrices(
                                                            1, n, k, rowMajor.listed(), rowMajor),
                                                    s)
                                            .weight("from", rowMajor.listed(), values, 1, n, k)
                                            .outWeight("to", rowMajor, 1, n, k)
                                            .exact()
                                            .build()
                                    : Problem.of(PackWeight.matrix(n, k, format, rowMajor), s)
                                            .weight("from", format, values, n, k)
                                            .outWeight("to", rowMajor, n, k)
                                            .exact()
                                            .build();
                        }));
    }

    /// Matrices at one address become matrices at many, and the other way round.
    private void stacks(DType dtype) {
        WeightFormat stack = WeightFormat.rowMajor(dtype);
        for (WeightFormat from : new WeightFormat[] {stack, stack.listed()}) {
            WeightFormat to = from.isListed() ? stack : stack.listed();
            cases.add(
                    ProblemCase.of(
                            "PackWeight",
                            "3x7x10 " + from + " to " + to,
                            1,
                            s ->
                                    Problem.of(PackWeight.matrices(3, 7, 10, from, to), s)
                                            .weight("from", from, s.normal("from", 210), 3, 7, 10)
                                            .outWeight("to", to, 3, 7, 10)
                                            .exact()
                                            .build()));
        }
    }

    private void shapes() {
        for (DType dtype : new DType[] {F32, BF16}) {
            WeightFormat format = WeightFormat.rowMajor(dtype);
            cases.add(
                    ProblemCase.of(
                            "Gemm",
                            "batched heads " + dtype,
                            5,
                            s ->
                                    Problem.of(
                                                    Gemm.batched(
                                                            3, s.bound(), 9, 6, dtype, format,
                                                            dtype),
                                                    s)
                                            .strided(
                                                    "a",
                                                    dtype,
                                                    perHead(s, "a", 3, 6),
                                                    3,
                                                    s.rows(),
                                                    6)
                                            .strided("b", dtype, s.normal("b", 3 * 6 * 9), 3, 6, 9)
                                            .outStrided("out", dtype, 3, s.rows(), 9)
                                            .active()
                                            .sums(F32, 6)
                                            .build()));
            cases.add(
                    ProblemCase.of(
                            "Gemm",
                            "batch that shares b " + dtype,
                            4,
                            s ->
                                    Problem.of(
                                                    Gemm.batched(
                                                                    3, s.bound(), 9, 6, dtype,
                                                                    format, dtype)
                                                            .withTransposed(false, true),
                                                    s)
                                            .strided(
                                                    "a",
                                                    dtype,
                                                    perHead(s, "a", 3, 6),
                                                    3,
                                                    s.rows(),
                                                    6)
                                            .strided("b", dtype, s.normal("b", 6 * 9), 9, 6)
                                            .outStrided("out", dtype, 3, s.rows(), 9)
                                            .active()
                                            .sums(F32, 6)
                                            .build()));
            cases.add(
                    ProblemCase.of(
                            "Gemm",
                            "transposed a, alpha and beta " + dtype,
                            7,
                            s ->
                                    Problem.of(
                                                    Gemm.batched(
                                                                    1, s.bound(), 11, 13, dtype,
                                                                    format, dtype)
                                                            .withTransposed(true, false)
                                                            .withFactors(0.5, -1.25),
                                                    s)
                                            .strided(
                                                    "a",
                                                    dtype,
                                                    s.normal("a", 13L * s.rows()),
                                                    13,
                                                    s.rows())
                                            .strided("b", dtype, s.normal("b", 13 * 11), 13, 11)
                                            .rows("out", dtype, s.normal("out", s.live() * 11L), 11)
                                            .active()
                                            .sums(F32, 13)
                                            .build()));
            cases.add(
                    ProblemCase.of(
                            "Gemm",
                            "both transposed " + dtype,
                            7,
                            s ->
                                    Problem.of(
                                                    Gemm.batched(
                                                                    1, s.bound(), 11, 13, dtype,
                                                                    format, dtype)
                                                            .withTransposed(true, true),
                                                    s)
                                            .strided(
                                                    "a",
                                                    dtype,
                                                    s.normal("a", 13L * s.rows()),
                                                    13,
                                                    s.rows())
                                            .strided("b", dtype, s.normal("b", 13 * 11), 11, 13)
                                            .outStrided("out", dtype, s.rows(), 11)
                                            .active()
                                            .sums(F32, 13)
                                            .build()));
            cases.add(
                    ProblemCase.of(
                            "Gemm",
                            "listed batch " + dtype,
                            4,
                            s ->
                                    Problem.of(
                                                    Gemm.batched(
                                                            3,
                                                            s.bound(),
                                                            9,
                                                            6,
                                                            dtype,
                                                            format.listed(),
                                                            dtype),
                                                    s)
                                            .strided(
                                                    "a",
                                                    dtype,
                                                    perHead(s, "a", 3, 6),
                                                    3,
                                                    s.rows(),
                                                    6)
                                            .weight(
                                                    "b",
                                                    format.listed(),
                                                    s.normal("b", 3 * 6 * 9),
                                                    3,
                                                    6,
                                                    9)
                                            .outStrided("out", dtype, 3, s.rows(), 9)
                                            .active()
                                            .sums(F32, 6)
                                            .build()));
        }
        cases.add(
                ProblemCase.of(
                        "Gemm",
                        "no terms, beta keeps",
                        3,
                        s ->
                                Problem.of(
                                                Gemm.linear(
                                                                s.bound(),
                                                                0,
                                                                5,
                                                                F32,
                                                                WeightFormat.rowMajor(F32),
                                                                F32)
                                                        .withFactors(1, 2),
                                                s)
                                        .rows("a", F32, new double[0], 0)
                                        .plain("b", F32, new double[0], 5, 0)
                                        .rows("out", F32, s.normal("out", s.live() * 5L), 5)
                                        .active()
                                        .build()));
    }

    /// `[heads, rows, width]` values, the dead rows of every head NaN.
    private static double[] perHead(Setting s, String name, int heads, int width) {
        double[] values = s.normal(name, (long) heads * s.rows() * width);
        for (int h = 0; h < heads; h++) {
            Arrays.fill(
                    values,
                    (h * s.rows() + s.live()) * width,
                    (h + 1) * s.rows() * width,
                    Double.NaN);
        }
        return values;
    }

    private void grouped() {
        int[][] counts = {{1}, {0, 5, 1, 0}, {17, 0, 0}, {3, 3, 3, 3, 2}, {0, 0}};
        for (int[] count : counts) {
            for (DType dtype : new DType[] {F32, BF16}) {
                WeightFormat format = WeightFormat.rowMajor(dtype);
                contiguous(count, 19, 33, dtype, format, false);
                contiguous(count, 64, 16, dtype, format.listed(), true);
                masked(count, 17, 24, dtype, format, false);
                kGrouped(count, 9, 14, dtype, false, false);
                kGrouped(count, 9, 14, dtype, true, false);
            }
            contiguous(
                    count,
                    40,
                    160,
                    BF16,
                    WeightFormat.rowMajor(QuantizationScheme.FP8_BLOCK_128),
                    false);
            contiguous(
                    count,
                    40,
                    160,
                    F32,
                    WeightFormat.rowMajor(QuantizationScheme.FP8_BLOCK_128).listed(),
                    false);
            contiguous(
                    count,
                    40,
                    64,
                    BF16,
                    WeightFormat.rowMajor(QuantizationScheme.INT4_GROUP_32).listed(),
                    false);
            contiguous(
                    count,
                    40,
                    64,
                    BF16,
                    WeightFormat.rowMajor(QuantizationScheme.FP4_GROUP_32),
                    false);
        }
        for (int[] count : new int[][] {{17, 0, 1}, {3, 3, 3, 3, 2}}) {
            for (DType dtype : new DType[] {F32, BF16}) {
                WeightFormat format = WeightFormat.rowMajor(dtype);
                invariant(count, 19, 33, dtype, format);
                masked(count, 17, 24, dtype, format, true);
                kGrouped(count, 9, 14, dtype, false, true);
            }
        }
        preferredGroups(F32);
        preferredGroups(BF16);
    }

    private void contiguous(
            int[] count, int n, int k, DType dtype, WeightFormat format, boolean add) {
        String what =
                "contiguous "
                        + Arrays.toString(count)
                        + " "
                        + n
                        + "x"
                        + k
                        + " "
                        + dtype
                        + " by "
                        + format
                        + (add ? " added" : "");
        cases.add(
                ProblemCase.of(
                        "GroupedGemm",
                        what,
                        rows(count),
                        s ->
                                contiguous(
                                        s,
                                        count,
                                        GroupedGemm.contiguous(
                                                        count.length,
                                                        s.bound(),
                                                        n,
                                                        k,
                                                        dtype,
                                                        format,
                                                        dtype)
                                                .withAdd(add))));
    }

    private void invariant(int[] count, int n, int k, DType dtype, WeightFormat format) {
        cases.add(
                ProblemCase.of(
                        "GroupedGemm",
                        "contiguous " + Arrays.toString(count) + " " + dtype + " invariant",
                        rows(count),
                        s ->
                                contiguous(
                                        s,
                                        count,
                                        GroupedGemm.contiguous(
                                                        count.length,
                                                        s.bound(),
                                                        n,
                                                        k,
                                                        dtype,
                                                        format,
                                                        dtype)
                                                .withBatchInvariant(true))));
    }

    private static Problem contiguous(Setting s, int[] count, GroupedGemm spec) {
        int groups = count.length;
        int n = spec.n();
        int k = spec.k();
        DType dtype = spec.a();
        WeightFormat format = spec.b();
        boolean add = spec.add();
        Problem.Builder problem =
                Problem.of(spec, s)
                        .rows("a", dtype, s.normal("a", (long) s.live() * k), k)
                        .weight("b", format, s.normal("b", (long) groups * n * k), groups, n, k)
                        .ints("segmentStart", starts(count), groups)
                        .ints("segmentCount", count, groups)
                        .whole()
                        .sums(F32, k);
        return add
                ? problem.rows("out", dtype, s.normal("out", (long) s.live() * n), n).build()
                : problem.outRows("out", dtype, n).build();
    }

    private void preferredGroups(DType dtype) {
        int[] count = {4, 0, 9};
        cases.add(
                ProblemCase.of(
                        "GroupedGemm",
                        "preferred layout " + dtype,
                        rows(count),
                        s ->
                                contiguous(
                                        s,
                                        count,
                                        GroupedGemm.contiguous(
                                                3,
                                                s.bound(),
                                                37,
                                                96,
                                                dtype,
                                                s.preferred(
                                                        WeightFormat.rowMajor(dtype), 3, 37, 96),
                                                dtype))));
    }

    /// A row of nobody stands before every segment.
    private static int[] starts(int[] count) {
        int[] starts = new int[count.length];
        int next = 0;
        for (int g = 0; g < starts.length; g++) {
            starts[g] = next + 1;
            next = starts[g] + count[g];
        }
        return starts;
    }

    private static int rows(int[] count) {
        return Arrays.stream(count).sum() + count.length;
    }

    private void masked(
            int[] count, int n, int k, DType dtype, WeightFormat format, boolean invariant) {
        int groups = count.length;
        int most = Arrays.stream(count).max().orElse(0) + 1;
        String what =
                "masked "
                        + Arrays.toString(count)
                        + " "
                        + n
                        + "x"
                        + k
                        + " "
                        + dtype
                        + (invariant ? " invariant" : "");
        cases.add(
                ProblemCase.of(
                        "GroupedGemm",
                        what,
                        most,
                        s ->
                                Problem.of(
                                                GroupedGemm.masked(
                                                                groups, s.bound(), n, k, dtype,
                                                                format, dtype)
                                                        .withBatchInvariant(invariant),
                                                s)
                                        .strided(
                                                "a",
                                                dtype,
                                                s.normal("a", (long) groups * s.rows() * k),
                                                groups,
                                                s.rows(),
                                                k)
                                        .weight(
                                                "b",
                                                format,
                                                s.normal("b", (long) groups * n * k),
                                                groups,
                                                n,
                                                k)
                                        .ints("segmentCount", count, groups)
                                        .outStrided("out", dtype, groups, s.rows(), n)
                                        .sums(F32, k)
                                        .build()));
    }

    private void kGrouped(int[] count, int n, int k, DType dtype, boolean add, boolean invariant) {
        int groups = count.length;
        int longest = Arrays.stream(count).max().orElse(0);
        String what =
                "K-grouped "
                        + Arrays.toString(count)
                        + " "
                        + dtype
                        + (add ? " added" : "")
                        + (invariant ? " invariant" : "");
        cases.add(
                ProblemCase.of(
                        "GroupedGemm",
                        what,
                        rows(count),
                        s -> {
                            Problem.Builder problem =
                                    Problem.of(
                                                    GroupedGemm.kGrouped(
                                                                    groups, s.bound(), n, k, dtype,
                                                                    dtype, F32)
                                                            .withAdd(add)
                                                            .withBatchInvariant(invariant),
                                                    s)
                                            .rows("a", dtype, s.normal("a", (long) s.live() * n), n)
                                            .rows("b", dtype, s.normal("b", (long) s.live() * k), k)
                                            .ints("segmentStart", starts(count), groups)
                                            .ints("segmentCount", count, groups)
                                            .whole()
                                            .sums(F32, longest);
                            return add
                                    ? problem.plain(
                                                    "out",
                                                    F32,
                                                    s.normal("out", (long) groups * n * k),
                                                    groups,
                                                    n,
                                                    k)
                                            .build()
                                    : problem.out("out", F32, groups, n, k).build();
                        }));
    }

    private static ConformanceCase quantization(
            DType in, QuantizationScheme scheme, int rows, int columns, String what) {
        return ProblemCase.of(
                "Quantize",
                what + " from " + in,
                rows,
                s ->
                        Problem.of(Quantize.of(s.bound(), columns, in, scheme), s)
                                .rows("x", in, finite(s, columns), columns)
                                .outScaled("out", scheme, s.rows(), columns)
                                .exact()
                                .build());
    }

    private void conversions() {
        for (QuantizationScheme scheme : SCHEMES) {
            for (int[] size : new int[][] {{1, 32}, {3, 128}, {5, 130}, {130, 34}}) {
                int columns = size[1];
                String what =
                        size[0]
                                + "x"
                                + columns
                                + " "
                                + WeightFormat.rowMajor(scheme)
                                + " "
                                + scheme.rule();
                for (DType in : new DType[] {F32, BF16}) {
                    cases.add(quantization(in, scheme, size[0], columns, what));
                }
                for (DType out : new DType[] {F32, BF16}) {
                    cases.add(
                            ProblemCase.of(
                                    "Dequantize",
                                    what + " to " + out,
                                    size[0],
                                    s ->
                                            Problem.of(
                                                            Dequantize.of(
                                                                    s.bound(), columns, scheme,
                                                                    out),
                                                            s)
                                                    .weight(
                                                            "x",
                                                            WeightFormat.rowMajor(scheme),
                                                            s.normal(
                                                                    "x",
                                                                    (long) s.rows() * columns,
                                                                    2),
                                                            s.rows(),
                                                            columns)
                                                    .outRows("out", out, columns)
                                                    .exact()
                                                    .build()));
                }
            }
        }
    }

    /// Every row counts here, since a block may span rows; so the dead ones are numbers as well.
    private static double[] finite(Setting s, int columns) {
        return s.normal("x", (long) s.rows() * columns, 3);
    }
}
