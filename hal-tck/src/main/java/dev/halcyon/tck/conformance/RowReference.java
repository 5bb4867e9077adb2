package dev.halcyon.tck.conformance;

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
import dev.halcyon.hal.memory.DType;
import dev.halcyon.tck.format.FloatFormat;
import dev.halcyon.tck.oracle.RopeTable;
import dev.halcyon.tck.oracle.Yarn;

import org.jspecify.annotations.Nullable;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// What the specs that work row by row must write, by the oracle.
final class RowReference {
    private RowReference() {}

    static Map<String, Expected> of(Axpby spec, Values in) {
        double[] scalars = in.find("scalars");
        double alpha = scalars == null ? spec.alpha() : scalars[0];
        double beta = scalars == null ? spec.beta() : scalars[1];
        double[] out = dev.halcyon.tck.oracle.Axpby.apply(alpha, in.of("x"), beta, in.of("y"));
        return rows("out", out, in, spec.dim());
    }

    static Map<String, Expected> of(Cast spec, Values in) {
        return Map.of(
                "out",
                Expected.of(
                        Arrays.stream(in.of("x"))
                                .map(value -> rounded(value, spec.to()))
                                .toArray()));
    }

    /// `value` in a floating-point type, in one rounding; the 8-bit types saturate.
    static double rounded(double value, DType dtype) {
        return switch (dtype) {
            case F64 -> value;
            case F32 -> (float) value;
            case F16 -> FloatFormat.F16.round(value, FloatFormat.Overflow.SPECIAL);
            case BF16 -> FloatFormat.BF16.round(value, FloatFormat.Overflow.SPECIAL);
            case F8_E4M3 -> FloatFormat.E4M3.round(value, FloatFormat.Overflow.SATURATE);
            case F8_E5M2 -> FloatFormat.E5M2.round(value, FloatFormat.Overflow.SATURATE);
            default -> throw new IllegalArgumentException("nothing is rounded to " + dtype);
        };
    }

    static Map<String, Expected> of(Copy spec, Values in) {
        return Map.of("out", Expected.of(in.of("x")));
    }

    static Map<String, Expected> of(Fill spec, Values in) {
        double[] out = new double[in.of("out").length];
        Arrays.fill(out, spec.value());
        return Map.of("out", Expected.of(out));
    }

    static Map<String, Expected> of(SwiGlu spec, Values in) {
        double[] gate = in.of("gate");
        double[] weights = in.find("rowWeight");
        double[] out =
                weights == null
                        ? dev.halcyon.tck.oracle.SwiGlu.forward(gate, in.of("up"), spec.limit())
                        : dev.halcyon.tck.oracle.SwiGlu.forward(
                                gate, in.of("up"), weights, spec.limit());
        return rows("out", out, in, spec.dim());
    }

    static Map<String, Expected> of(Embedding spec, Values in) {
        int[] ids = in.ints("ids");
        int live = in.live(ids.length);
        int tableRows = in.tensor("table").dim(0);
        double[] table = in.of("table");
        double[] out = new double[live * spec.dim()];
        for (int r = 0; r < live; r++) {
            if (ids[r] >= 0 && ids[r] < tableRows) {
                System.arraycopy(table, ids[r] * spec.dim(), out, r * spec.dim(), spec.dim());
            }
        }
        return Map.of("out", Expected.ofRows(out, ids.length, live, spec.dim()));
    }

    static Map<String, Expected> of(Reduce spec, Values in) {
        List<double[]> all = List.of(in.of("x"));
        double result =
                switch (spec.operation()) {
                    case SUM -> dev.halcyon.tck.oracle.Reduce.sum(all);
                    case MAX -> dev.halcyon.tck.oracle.Reduce.max(all);
                    case NORM -> dev.halcyon.tck.oracle.Reduce.norm(all);
                };
        return Map.of("out", Expected.of(new double[] {result}));
    }

    static Map<String, Expected> of(CrossEntropy spec, Values in) {
        int[] targets = in.ints("targets");
        int live = in.live(targets.length);
        int[] liveTargets = Arrays.copyOf(targets, live);
        double[] logits = Arrays.copyOf(in.of("logits"), live * spec.vocab());
        double[] lse = dev.halcyon.tck.oracle.CrossEntropy.logSumExps(logits, live, spec.vocab());
        double[] loss = new double[live];
        for (int r = 0; r < live; r++) {
            if (liveTargets[r] >= spec.vocab() || liveTargets[r] < -1) {
                lse[r] = 0;
            } else if (liveTargets[r] >= 0) {
                loss[r] = lse[r] - logits[r * spec.vocab() + liveTargets[r]];
            }
        }
        return Map.of(
                "loss", Expected.ofRows(loss, targets.length, live, 1),
                "logSumExp", Expected.ofRows(lse, targets.length, live, 1));
    }

    static Map<String, Expected> of(RmsNorm spec, Values in) {
        double[] x = in.of("x");
        Map<String, Expected> result =
                new LinkedHashMap<>(
                        rows(
                                "out",
                                norm(x, spec.dim(), in.find("weight"), spec.epsilon()),
                                in,
                                spec.dim()));
        if (in.has("inverseRms")) {
            int rows = x.length / spec.dim();
            double[] inverse = new double[rows];
            for (int r = 0; r < rows; r++) {
                double square = 0;
                for (int c = 0; c < spec.dim(); c++) {
                    square += x[r * spec.dim() + c] * x[r * spec.dim() + c];
                }
                inverse[r] = 1 / Math.sqrt(square / spec.dim() + spec.epsilon());
            }
            result.put("inverseRms", Expected.ofRows(inverse, rows, in.live(rows), 1));
        }
        return result;
    }

    static Map<String, Expected> of(AddRmsNorm spec, Values in) {
        double[] sum = dev.halcyon.tck.oracle.Axpby.apply(1, in.of("x"), 1, in.of("residual"));
        Map<String, Expected> result = new LinkedHashMap<>(rows("sum", sum, in, spec.dim()));
        result.putAll(
                rows(
                        "out",
                        norm(sum, spec.dim(), in.find("weight"), spec.epsilon()),
                        in,
                        spec.dim()));
        return result;
    }

    private static double[] norm(double[] x, int dim, double @Nullable [] weight, double epsilon) {
        return dev.halcyon.tck.oracle.RmsNorm.forward(x, dim, weight, epsilon);
    }

    static Map<String, Expected> of(LayerNorm spec, Values in) {
        double[] out =
                dev.halcyon.tck.oracle.LayerNorm.forward(
                        in.of("x"), in.of("weight"), in.of("bias"), spec.epsilon());
        return rows("out", out, in, spec.dim());
    }

    static Map<String, Expected> of(Rope spec, Values in) {
        double[] out = in.of("x").clone();
        int[] positions = in.ints("positions");
        dev.halcyon.tck.oracle.Rope.Layout layout =
                spec.pairing() == Rope.Pairing.INTERLEAVED
                        ? dev.halcyon.tck.oracle.Rope.Layout.INTERLEAVED
                        : dev.halcyon.tck.oracle.Rope.Layout.HALF_SPLIT;
        dev.halcyon.tck.oracle.Rope.Direction direction =
                spec.inverse()
                        ? dev.halcyon.tck.oracle.Rope.Direction.INVERSE
                        : dev.halcyon.tck.oracle.Rope.Direction.FORWARD;
        dev.halcyon.tck.oracle.Rope.rotateHeads(
                out,
                spec.heads(),
                spec.headDim(),
                spec.firstRotated(),
                positions,
                table(spec.frequencies()),
                layout,
                direction);
        return rows("out", out, in, spec.heads() * spec.headDim());
    }

    private static RopeTable table(RotaryFrequencies frequencies) {
        Yarn yarn =
                frequencies.isStretched()
                        ? new Yarn(
                                frequencies.factor(),
                                frequencies.originalContext(),
                                frequencies.betaFast(),
                                frequencies.betaSlow(),
                                frequencies.mscale(),
                                frequencies.mscaleAllDim())
                        : null;
        return RopeTable.of(frequencies.dim(), frequencies.theta(), yarn);
    }

    private static Map<String, Expected> rows(String name, double[] values, Values in, int width) {
        int rows = values.length / width;
        return Map.of(name, Expected.ofRows(values, rows, in.live(rows), width));
    }
}
