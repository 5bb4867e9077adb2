package dev.halcyon.tck.conformance;

import dev.halcyon.hal.kernel.linear.Dequantize;
import dev.halcyon.hal.kernel.linear.Gemm;
import dev.halcyon.hal.kernel.linear.GroupedGemm;
import dev.halcyon.hal.kernel.linear.PackWeight;
import dev.halcyon.hal.kernel.linear.Quantize;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.QuantizationScheme;
import dev.halcyon.tck.format.BlockScales;
import dev.halcyon.tck.format.BlockScheme;
import dev.halcyon.tck.format.BlockValues;
import dev.halcyon.tck.format.QuantizedValues;
import dev.halcyon.tck.format.ScaleRule;
import dev.halcyon.tck.oracle.Rows;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Map;

/// What products and conversions of weights must write, by the oracle.
final class LinearReference {
    private LinearReference() {}

    static Map<String, Expected> of(Gemm spec, Values in) {
        HostTensor a = in.tensor("a");
        HostTensor b = in.tensor("b");
        boolean batched = a.shape().rank() == 3;
        int batch = batched ? a.dim(0) : 1;
        int m = a.dim(spec.transposeA() ? -1 : -2);
        int n = spec.n();
        int k = spec.k();
        double[] out = spec.beta() == 0 ? new double[batch * m * n] : in.of("out").clone();
        var left =
                dev.halcyon.tck.oracle.Gemm.Matrix.rowMajor(
                        a.values(), spec.transposeA() ? k : m, spec.transposeA() ? m : k);
        var right =
                dev.halcyon.tck.oracle.Gemm.Matrix.rowMajor(
                        b.values(), spec.transposeB() ? n : k, spec.transposeB() ? k : n);
        if (batched && b.shape().rank() == 2) {
            right =
                    new dev.halcyon.tck.oracle.Gemm.Matrix(
                            right.data(),
                            right.offset(),
                            right.rowStride(),
                            right.columnStride(),
                            0);
        }
        dev.halcyon.tck.oracle.Gemm.run(
                batch,
                m,
                n,
                k,
                spec.alpha(),
                spec.transposeA() ? left.transposed() : left,
                spec.transposeB() ? right.transposed() : right,
                spec.beta(),
                dev.halcyon.tck.oracle.Gemm.Matrix.rowMajor(out, m, n));
        int live = in.live(m);
        BitSet open = new BitSet();
        for (int g = 0; g < batch; g++) {
            open.set((g * m + live) * n, (g + 1) * m * n);
        }
        return Map.of("out", new Expected(out, open));
    }

    static Map<String, Expected> of(GroupedGemm spec, Values in) {
        HostTensor a = in.tensor("a");
        int rows = a.dim(spec.kind() == GroupedGemm.Kind.MASKED ? 1 : 0);
        int[] count = in.ints("segmentCount");
        int[] start = in.has("segmentStart") ? in.ints("segmentStart") : new int[count.length];
        int[] end = new int[count.length];
        for (int g = 0; g < end.length; g++) {
            boolean bad = count[g] < 0 || start[g] < 0 || (long) start[g] + count[g] > rows;
            start[g] = bad ? 0 : start[g];
            count[g] = bad ? 0 : count[g];
            end[g] = start[g] + count[g];
        }
        return switch (spec.kind()) {
            case CONTIGUOUS -> {
                double[] out =
                        dev.halcyon.tck.oracle.GroupedGemm.contiguous(
                                a.values(), start, end, groups(spec, in));
                yield Map.of("out", contiguous(added(spec, in, out), rows, spec.n(), start, end));
            }
            case MASKED -> {
                double[] out =
                        dev.halcyon.tck.oracle.GroupedGemm.masked(
                                a.values(), rows, count, groups(spec, in));
                BitSet open = new BitSet();
                for (int g = 0; g < count.length; g++) {
                    open.set((g * rows + count[g]) * spec.n(), (g + 1) * rows * spec.n());
                }
                yield Map.of("out", new Expected(added(spec, in, out), open));
            }
            case K_GROUPED -> {
                double[] out =
                        spec.add()
                                ? in.of("out").clone()
                                : new double[spec.groups() * spec.n() * spec.k()];
                dev.halcyon.tck.oracle.GroupedGemm.kGrouped(
                        a.values(), in.of("b"), spec.n(), spec.k(), start, end, spec.add(), out);
                yield Map.of("out", Expected.of(out));
            }
        };
    }

    private static Expected contiguous(double[] out, int rows, int n, int[] start, int[] end) {
        BitSet open = new BitSet();
        open.set(0, rows * n);
        for (int g = 0; g < start.length; g++) {
            open.clear(start[g] * n, end[g] * n);
        }
        return new Expected(out, open);
    }

    private static double[] added(GroupedGemm spec, Values in, double[] product) {
        return spec.add()
                ? dev.halcyon.tck.oracle.Axpby.apply(1, product, 1, in.of("out"))
                : product;
    }

    private static List<Rows> groups(GroupedGemm spec, Values in) {
        Rows all = Rows.of(in.of("b"), spec.groups() * spec.n(), spec.k());
        List<Rows> groups = new ArrayList<>();
        for (int g = 0; g < spec.groups(); g++) {
            groups.add(all.slice(g * spec.n(), spec.n()));
        }
        return groups;
    }

    /// The codes and scales are called `out.values` and `out.scales`; codes are raw, not decoded.
    static Map<String, Expected> of(Quantize spec, Values in) {
        HostTensor x = in.tensor("x");
        QuantizedValues quantized = scheme(spec.scheme()).quantize(x.values(), x.dim(0), x.dim(1));
        return Map.of(
                "out.values",
                Expected.of(quantized.codes()),
                "out.scales",
                Expected.of(quantized.scales()));
    }

    /// The product is rounded to F32 first, unless the result is wider.
    static Map<String, Expected> of(Dequantize spec, Values in) {
        boolean wide = spec.out() == DType.F64;
        double[] out =
                Arrays.stream(in.of("x"))
                        .map(
                                value ->
                                        wide
                                                ? value
                                                : RowReference.rounded((float) value, spec.out()))
                        .toArray();
        return Map.of("out", Expected.of(out));
    }

    static Map<String, Expected> of(PackWeight spec, Values in) {
        return Map.of("to", Expected.of(in.of("from")));
    }

    /// {@return a scheme in the words of the kit's own formats}
    static BlockScheme scheme(QuantizationScheme scheme) {
        BlockScales scales =
                switch (scheme.scales()) {
                    case F32 -> BlockScales.F32;
                    case BF16 -> BlockScales.BF16;
                    case F16 -> BlockScales.F16;
                    case F8_E8M0 -> BlockScales.E8M0;
                    default ->
                            throw new IllegalArgumentException("no scales of " + scheme.scales());
                };
        ScaleRule rule =
                scheme.rule() == QuantizationScheme.ScaleRule.LINEAR
                        ? ScaleRule.LINEAR
                        : ScaleRule.POWER_OF_TWO;
        return new BlockScheme(
                values(scheme.values()), scales, scheme.blockRows(), scheme.blockColumns(), rule);
    }

    static BlockValues values(DType dtype) {
        return switch (dtype) {
            case F8_E4M3 -> BlockValues.E4M3;
            case F8_E5M2 -> BlockValues.E5M2;
            case F4_E2M1 -> BlockValues.E2M1;
            case I4 -> BlockValues.INT4;
            default -> throw new IllegalArgumentException("no block values of " + dtype);
        };
    }
}
