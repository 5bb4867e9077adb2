package dev.halcyon.hal.kernel.moe;

import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.kernel.Operands;
import dev.halcyon.hal.kernel.Require;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;

import org.jspecify.annotations.Nullable;

import java.util.Objects;

/// Counts how often every expert was chosen: `load[e] (+)= #{(t, k): indices[t, k] = e}`.
///
/// | operand | type and shape | |
/// |---|---|---|
/// | `indices` | `I32 [T, topK]` | T up to `maxTokens`; -1 counts nowhere |
/// | `load` | `I32 [experts]` | added to if `add`, overwritten otherwise |
/// | `activeRows` | `I32 [1]` | optional; bounds the tokens |
///
/// An index that is no expert counts nowhere and raises the fault word.
///
/// @param maxTokens upper bound of the number of tokens
/// @param topK choices a token
/// @param experts experts of the layer
/// @param add whether counts are added to what `load` holds, as in gradient accumulation
public record ExpertLoad(int maxTokens, int topK, int experts, boolean add)
        implements KernelSpec<ExpertLoad.Args> {
    /// Operands, as described at [ExpertLoad].
    public record Args(Tensor indices, Tensor load, @Nullable Tensor activeRows)
            implements KernelArgs {
        public Args {
            Objects.requireNonNull(indices, "indices");
            Objects.requireNonNull(load, "load");
        }

        /// {@return the operands of a count over all tokens}
        public static Args of(Tensor indices, Tensor load) {
            return new Args(indices, load, null);
        }

        /// {@return these with the number of live tokens}
        public Args withActiveRows(@Nullable Tensor count) {
            return new Args(indices, load, count);
        }

        /// {@return the operands, load as one that is updated; [ExpertLoad#operands(Args)] knows
        /// whether it is}
        @Override
        public Operands operands() {
            return inputs().update("load", load);
        }

        private Operands inputs() {
            return Operands.of().read("indices", indices).read("activeRows", activeRows);
        }
    }

    public ExpertLoad {
        Require.positive("maxTokens", maxTokens);
        Require.positive("topK", topK);
        Require.positive("experts", experts);
    }

    /// {@return a count that replaces what `load` held}
    public static ExpertLoad of(int maxTokens, int topK, int experts) {
        return new ExpertLoad(maxTokens, topK, experts, false);
    }

    /// {@return this count, added to what `load` held or replacing it}
    public ExpertLoad withAdd(boolean added) {
        return new ExpertLoad(maxTokens, topK, experts, added);
    }

    @Override
    public void validate(Args args) {
        Require.rows("indices", args.indices, DType.I32, maxTokens, topK);
        Require.tensor("load", args.load, DType.I32, experts);
        Require.optional("activeRows", args.activeRows, DType.I32, 1);
    }

    @Override
    public Operands operands(Args args) {
        return add ? args.operands() : args.inputs().write("load", args.load);
    }

    @Override
    public Cost cost() {
        return cost(maxTokens);
    }

    @Override
    public Cost cost(Args args) {
        return cost(args.indices.dim(0));
    }

    private Cost cost(double tokens) {
        return new Cost(0, 4.0 * (tokens * topK + (add ? 2.0 : 1.0) * experts));
    }
}
