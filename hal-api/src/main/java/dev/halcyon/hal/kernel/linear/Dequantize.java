package dev.halcyon.hal.kernel.linear;

import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.kernel.Operands;
import dev.halcyon.hal.kernel.Require;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.QuantizationScheme;
import dev.halcyon.hal.memory.QuantizedTensor;
import dev.halcyon.hal.memory.Tensor;

import java.util.Objects;

/// A block-scaled matrix turned into plain elements, each the product of its value and its block's
/// scale: `out[r, c] = value[r, c] * scale[r / blockRows, c / blockColumns]`.
///
/// | operand | type and shape |
/// |---|---|
/// | x | values `[R, columns]` and scales `[ceil(R / blockRows), ceil(columns / blockColumns)]` of the scheme, without gaps |
/// | out | `out [R, columns]` |
///
/// *Numerics.* One product in F32 (F64 for F64 out), one rounding. NaN codes and NaN scales give
/// NaN. The scheme's rule does not matter here, but it must agree with the operand's.
///
/// *Source.* DeepSeek-V3 inference/kernel.py, weight_dequant (`weight_scale_inv` is a factor,
/// despite its name).
///
/// @param maxRows most rows
/// @param columns columns; even for a packed value type
/// @param scheme value type, scale type and block
/// @param out element type of the result
public record Dequantize(int maxRows, int columns, QuantizationScheme scheme, DType out)
        implements KernelSpec<Dequantize.Args> {
    /// The operands; the table at [Dequantize] gives their shapes.
    public record Args(QuantizedTensor x, Tensor out) implements KernelArgs {
        public Args {
            Objects.requireNonNull(x, "x");
            Objects.requireNonNull(out, "out");
        }

        /// {@return arguments that turn `x` into `out`}
        public static Args of(QuantizedTensor x, Tensor out) {
            return new Args(x, out);
        }

        @Override
        public Operands operands() {
            return Operands.of().read("x", x).write("out", out);
        }
    }

    public Dequantize {
        Require.positive("maxRows", maxRows);
        Require.positive("columns", columns);
        Objects.requireNonNull(scheme, "scheme");
        Quantization.requireScheme(scheme, columns);
        Require.activation("out", out);
    }

    /// {@return the inverse of a quantizer of up to `maxRows` rows of `columns` columns}
    public static Dequantize of(int maxRows, int columns, QuantizationScheme scheme, DType out) {
        return new Dequantize(maxRows, columns, scheme, out);
    }

    @Override
    public void validate(Args args) {
        long rows = Quantization.requireRows("x", args.x, scheme, maxRows, columns);
        Require.sameRows("out", Require.rows("out", args.out, out, maxRows, columns), "x", rows);
    }

    @Override
    public Cost cost() {
        return cost(maxRows);
    }

    @Override
    public Cost cost(Args args) {
        return cost(args.out.dim(0));
    }

    private Cost cost(long rows) {
        long elements = rows * columns;
        return new Cost(elements, out.bytes(elements) + Quantization.bytes(scheme, rows, columns));
    }
}
