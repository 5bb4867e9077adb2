package dev.halcyon.hal.kernel.elementwise;

import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.kernel.Operands;
import dev.halcyon.hal.kernel.Require;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Operand;
import dev.halcyon.hal.memory.PackedTensor;
import dev.halcyon.hal.memory.QuantizedTensor;
import dev.halcyon.hal.memory.Tensor;

import java.util.Objects;

/// One number from all elements of a tensor, or of all tensors of a list: their sum, largest value
/// or Euclidean norm.
///
/// | operand | type and shape |
/// |---|---|
/// | x | a contiguous Tensor of any shape, or a TensorList of them; elements `in` |
/// | out | F32 `[1]` |
///
/// Nothing to reduce gives 0 for [Operation#SUM] and [Operation#NORM] and negative infinity for
/// [Operation#MAX]. A NaN anywhere gives NaN. The norm over tensors of several shapes, as gradient
/// clipping needs it, is the norm of their norms.
///
/// *Numerics.* Accumulates in F32 or wider (F64 for F64). The order of summation depends on the
/// number of elements alone, so two runs on one device agree bit for bit.
///
/// @param operation what to compute
/// @param maxElements most elements, over all tensors of a list
/// @param in element type
public record Reduce(Operation operation, int maxElements, DType in)
        implements KernelSpec<Reduce.Args> {
    /// What is computed of the elements.
    public enum Operation {
        /// The sum.
        SUM,
        /// The largest value.
        MAX,
        /// The square root of the sum of squares.
        NORM
    }

    /// The operands; the table at [Reduce] gives their shapes.
    public record Args(Operand x, Tensor out) implements KernelArgs {
        public Args {
            Objects.requireNonNull(x, "x");
            Objects.requireNonNull(out, "out");
        }

        /// {@return arguments that reduce `x` into `out`}
        public static Args of(Operand x, Tensor out) {
            return new Args(x, out);
        }

        @Override
        public Operands operands() {
            return Operands.of().read("x", x).write("out", out);
        }
    }

    public Reduce {
        Objects.requireNonNull(operation, "operation");
        Require.positive("maxElements", maxElements);
        Require.activation("in", in);
    }

    /// {@return the sum of up to `maxElements` elements}
    public static Reduce sum(int maxElements, DType in) {
        return new Reduce(Operation.SUM, maxElements, in);
    }

    /// {@return the largest of up to `maxElements` elements}
    public static Reduce max(int maxElements, DType in) {
        return new Reduce(Operation.MAX, maxElements, in);
    }

    /// {@return the Euclidean norm of up to `maxElements` elements}
    public static Reduce norm(int maxElements, DType in) {
        return new Reduce(Operation.NORM, maxElements, in);
    }

    @Override
    public void validate(Args args) {
        for (Operand element : Require.elements(args.x)) {
            if (element instanceof QuantizedTensor || element instanceof PackedTensor) {
                throw new IllegalArgumentException(
                        "x must be a tensor or a list of tensors, not "
                                + element.format()
                                + "; Dequantize makes one");
            }
        }
        Operands.forEachTensor(
                args.x,
                "x",
                (name, tensor) -> {
                    Require.that(
                            tensor.dtype() == in,
                            name + " must be " + in + ", not " + tensor.dtype());
                    Require.contiguous(name, tensor);
                });
        long elements = args.x.shape().elements();
        Require.that(
                elements <= maxElements,
                "x has " + elements + " elements, the plan's upper bound is " + maxElements);
        Require.tensor("out", args.out, DType.F32, 1);
    }

    @Override
    public Cost cost() {
        return cost(maxElements);
    }

    @Override
    public Cost cost(Args args) {
        return cost(args.x.shape().elements());
    }

    private Cost cost(long elements) {
        double flops = operation == Operation.NORM ? 2.0 * elements : elements;
        return new Cost(flops, (double) in.bytes(elements) + DType.F32.bytes(1));
    }
}
