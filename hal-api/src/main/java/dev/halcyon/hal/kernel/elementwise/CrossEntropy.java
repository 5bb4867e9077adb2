package dev.halcyon.hal.kernel.elementwise;

import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.kernel.Operands;
import dev.halcyon.hal.kernel.Require;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;

import org.jspecify.annotations.Nullable;

import java.util.Objects;

/// The loss of next-token prediction: `loss[r] = logSumExp(logits[r]) - logits[r, targets[r]]`, in
/// nats.
///
/// | operand | type and shape |
/// |---|---|
/// | logits | `logits [R, vocab]` |
/// | targets | I32 `[R]` |
/// | loss | F32 `[R]` |
/// | logSumExp | F32 `[R]`; what the backward pass needs |
/// | activeRows | optional I32 `[1]`; rows from there on hold unspecified values, their targets are not looked at |
///
/// Target -1 ("ignore") gives loss 0 and the row's log-sum-exp. Any other target outside `0 … vocab
/// - 1` gives 0 for both and raises the fault word. Losses are not averaged: a [Reduce] does that,
///   over as many rows as count.
///
/// *Numerics.* In F32 or wider, shifted by the largest logit of the row, so large logits do not
/// overflow.
///
/// @param maxRows most rows
/// @param vocab columns
/// @param logits element type of the logits
public record CrossEntropy(int maxRows, int vocab, DType logits)
        implements KernelSpec<CrossEntropy.Args> {
    /// The operands; the table at [CrossEntropy] gives their shapes.
    public record Args(
            Tensor logits,
            Tensor targets,
            Tensor loss,
            Tensor logSumExp,
            @Nullable Tensor activeRows)
            implements KernelArgs {
        public Args {
            Objects.requireNonNull(logits, "logits");
            Objects.requireNonNull(targets, "targets");
            Objects.requireNonNull(loss, "loss");
            Objects.requireNonNull(logSumExp, "logSumExp");
        }

        /// {@return arguments with every row active}
        public static Args of(Tensor logits, Tensor targets, Tensor loss, Tensor logSumExp) {
            return new Args(logits, targets, loss, logSumExp, null);
        }

        /// {@return these arguments with a bound on the rows that count}
        public Args withActiveRows(Tensor rows) {
            return new Args(logits, targets, loss, logSumExp, rows);
        }

        @Override
        public Operands operands() {
            return Operands.of()
                    .read("logits", logits)
                    .read("targets", targets)
                    .read("activeRows", activeRows)
                    .write("loss", loss)
                    .write("logSumExp", logSumExp);
        }
    }

    public CrossEntropy {
        Require.positive("maxRows", maxRows);
        Require.positive("vocab", vocab);
        Require.activation("logits", logits);
    }

    /// {@return the loss of up to `maxRows` rows}
    public static CrossEntropy of(int maxRows, int vocab, DType logits) {
        return new CrossEntropy(maxRows, vocab, logits);
    }

    @Override
    public void validate(Args args) {
        long rows = Require.rows("logits", args.logits, logits, maxRows, vocab);
        Require.sameRows(
                "targets",
                Require.rows("targets", args.targets, DType.I32, maxRows),
                "logits",
                rows);
        Require.sameRows(
                "loss", Require.rows("loss", args.loss, DType.F32, maxRows), "logits", rows);
        Require.sameRows(
                "logSumExp",
                Require.rows("logSumExp", args.logSumExp, DType.F32, maxRows),
                "logits",
                rows);
        Require.optional("activeRows", args.activeRows, DType.I32, 1);
    }

    /// {@return the cost at the bounds, four operations a logit: compare, subtract, exponential,
    /// add}
    @Override
    public Cost cost() {
        return cost(maxRows);
    }

    @Override
    public Cost cost(Args args) {
        return cost(args.logits.dim(0));
    }

    private Cost cost(long rows) {
        long elements = rows * vocab;
        double bytes =
                (double) logits.bytes(elements)
                        + DType.I32.bytes(rows)
                        + 2.0 * DType.F32.bytes(rows);
        return new Cost(4.0 * elements, bytes);
    }
}
