package dev.halcyon.hal.kernel.optimizer;

import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.kernel.Operands;
import dev.halcyon.hal.kernel.Require;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Operand;
import dev.halcyon.hal.memory.Tensor;

import java.util.Objects;

/// Takes a step along an orthogonalised direction: `W = W · (1 - lr · wd) - lr · scale · O`.
///
/// `parameter` (W, type `parameter`, updated in place) and `direction` (O, type `direction`) are
/// each matrices as [NewtonSchulz] takes them; `hyper` is `F32 [2]`: learning rate, weight decay.
/// The decay uses the unscaled learning rate. Computed in F32 (F64 if `parameter` is F64) with one
/// rounding; a weight decay of 0 leaves the factor of W at exactly 1.
///
/// The last part of [MuonStep], whose documentation names the sources.
///
/// @param matrices number of matrices
/// @param rows rows of each
/// @param columns columns of each
/// @param scale multiplies the direction
/// @param parameter element type of the parameters
/// @param direction element type of the direction
public record MuonUpdate(
        int matrices, int rows, int columns, double scale, DType parameter, DType direction)
        implements KernelSpec<MuonUpdate.Args> {
    /// Operands, as described at [MuonUpdate].
    public record Args(Operand parameter, Operand direction, Tensor hyper) implements KernelArgs {
        public Args {
            Objects.requireNonNull(parameter, "parameter");
            Objects.requireNonNull(direction, "direction");
            Objects.requireNonNull(hyper, "hyper");
        }

        /// {@return arguments that move `parameter` against `direction`}
        public static Args of(Operand parameter, Operand direction, Tensor hyper) {
            return new Args(parameter, direction, hyper);
        }

        @Override
        public Operands operands() {
            return Operands.of()
                    .update("parameter", parameter)
                    .read("direction", direction)
                    .read("hyper", hyper);
        }
    }

    public MuonUpdate {
        Require.positive("matrices", matrices);
        Require.positive("rows", rows);
        Require.positive("columns", columns);
        Require.positive("scale", scale);
        Require.activation("parameter", parameter);
        Require.activation("direction", direction);
    }

    /// {@return the last part of `step`}
    public static MuonUpdate of(MuonStep step) {
        NewtonSchulz newtonSchulz = step.newtonSchulz();
        return new MuonUpdate(
                newtonSchulz.matrices(),
                newtonSchulz.rows(),
                newtonSchulz.columns(),
                step.updateScale(),
                step.parameter(),
                newtonSchulz.out());
    }

    @Override
    public void validate(Args args) {
        Matrices.require("parameter", args.parameter, parameter, matrices, rows, columns);
        Matrices.require("direction", args.direction, direction, matrices, rows, columns);
        Require.tensor("hyper", args.hyper, DType.F32, 2);
    }

    @Override
    public Cost cost() {
        double elements = (double) matrices * rows * columns;
        return new Cost(
                3 * elements, elements * (2.0 * parameter.bits() + direction.bits()) / 8 + 8);
    }
}
