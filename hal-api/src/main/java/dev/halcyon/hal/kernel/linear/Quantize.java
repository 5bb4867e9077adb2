package dev.halcyon.hal.kernel.linear;

import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.kernel.Operands;
import dev.halcyon.hal.kernel.Require;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.QuantizationScheme;
import dev.halcyon.hal.memory.QuantizationScheme.ScaleRule;
import dev.halcyon.hal.memory.QuantizedTensor;
import dev.halcyon.hal.memory.Tensor;

import java.util.Objects;

/// A matrix turned into block-scaled values: `scale = rule(amax)` with amax the largest magnitude
/// of the block, and `value = round(x / scale)`.
///
/// | operand | type and shape |
/// |---|---|
/// | x | `in [R, columns]` |
/// | out | values `[R, columns]` and scales `[ceil(R / blockRows), ceil(columns / blockColumns)]` of the scheme, without gaps |
///
/// Blocks at the edges are partial and look at the elements they have. The scale of a block, before
/// it is stored, is
///
/// | values | largest L | floor | [ScaleRule#LINEAR] | [ScaleRule#POWER_OF_TWO] |
/// |---|---|---|---|---|
/// | F8_E4M3 | 448 | 1e-4 | `max(amax, floor) / L` | `2^ceil(log2(max(amax, floor) / L))` |
/// | F8_E5M2 | 57,344 | 1e-4 | the same | the same |
/// | F4_E2M1 | 6 | 6 · 2^-126 | the same | the same |
/// | I4 | 7.5 | 7.5 · 2^-23 | the same | the same |
///
/// and [#largest(DType)] and [#floor(DType)] say the same to a kernel.
///
/// *Numerics.* All in F32. The scale is rounded to its own type (to nearest, ties to even; a power
/// of two beyond the range of [DType#F8_E8M0] becomes the nearest in range), and x is divided (not
/// multiplied by a reciprocal) by the scale as stored. The quotient is rounded to nearest and
/// saturates: F8 and F4 at L, ties to an even mantissa; I4 at -8 and 7, ties to an even integer. A
/// block with a NaN or an infinity holds unspecified values; other blocks do not notice.
///
/// *Source.* F8: DeepSeek-V3 inference/kernel.py, act_quant. F4: DeepSeek-V4 inference/kernel.py
/// (not the OCP MX rule, whose scale can make the largest element saturate). I4:
/// compressed-tensors, calculate_qparams for a symmetric range of 4 bits, which divides by half of
/// the 15 steps.
///
/// @param maxRows most rows
/// @param columns columns; even for a packed value type
/// @param in element type of x
/// @param scheme value type, scale type, block and scale rule; scales of [DType#F8_E8M0] need
///   [ScaleRule#POWER_OF_TWO]
public record Quantize(int maxRows, int columns, DType in, QuantizationScheme scheme)
        implements KernelSpec<Quantize.Args> {
    /// The operands; the table at [Quantize] gives their shapes.
    public record Args(Tensor x, QuantizedTensor out) implements KernelArgs {
        public Args {
            Objects.requireNonNull(x, "x");
            Objects.requireNonNull(out, "out");
        }

        /// {@return arguments that quantize `x` into `out`}
        public static Args of(Tensor x, QuantizedTensor out) {
            return new Args(x, out);
        }

        @Override
        public Operands operands() {
            return Operands.of().read("x", x).write("out", out);
        }
    }

    public Quantize {
        Require.positive("maxRows", maxRows);
        Require.positive("columns", columns);
        Require.activation("in", in);
        Objects.requireNonNull(scheme, "scheme");
        Quantization.requireScheme(scheme, columns);
        Require.that(
                scheme.scales() != DType.F8_E8M0 || scheme.rule() == ScaleRule.POWER_OF_TWO,
                "scheme.rule must be POWER_OF_TWO, because scales of F8_E8M0 hold nothing else, not"
                        + " "
                        + scheme.rule());
    }

    /// {@return the quantizer of up to `maxRows` rows of `columns` columns}
    public static Quantize of(int maxRows, int columns, DType in, QuantizationScheme scheme) {
        return new Quantize(maxRows, columns, in, scheme);
    }

    /// {@return L of the table at [Quantize]: the magnitude that the largest element of a block is
    /// scaled to}
    ///
    /// @throws IllegalArgumentException if `values` is no value type of a scheme
    public static double largest(DType values) {
        return switch (values) {
            case F8_E4M3 -> 448;
            case F8_E5M2 -> 57_344;
            case F4_E2M1 -> 6;
            case I4 -> 7.5;
            default ->
                    throw new IllegalArgumentException(
                            "values must be a quantized type, not " + values);
        };
    }

    /// {@return the floor of the table at [Quantize]: the largest element of a block is taken to be
    /// no smaller, so no scale is 0}
    ///
    /// @throws IllegalArgumentException if `values` is no value type of a scheme
    public static double floor(DType values) {
        return switch (values) {
            case F8_E4M3, F8_E5M2 -> 1e-4;
            case F4_E2M1 -> largest(values) * 0x1p-126;
            case I4 -> largest(values) * 0x1p-23;
            default ->
                    throw new IllegalArgumentException(
                            "values must be a quantized type, not " + values);
        };
    }

    @Override
    public void validate(Args args) {
        long rows = Require.rows("x", args.x, in, maxRows, columns);
        Require.sameRows(
                "out",
                Quantization.requireRows("out", args.out, scheme, maxRows, columns),
                "x",
                rows);
    }

    /// {@return the cost at the bounds, two operations an element: a comparison and a division}
    @Override
    public Cost cost() {
        return cost(maxRows);
    }

    @Override
    public Cost cost(Args args) {
        return cost(args.x.dim(0));
    }

    private Cost cost(long rows) {
        long elements = rows * columns;
        return new Cost(
                2.0 * elements, in.bytes(elements) + Quantization.bytes(scheme, rows, columns));
    }
}
