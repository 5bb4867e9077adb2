package dev.halcyon.hal.kernel.moe;

import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.kernel.Operands;
import dev.halcyon.hal.memory.Tensor;
import org.jspecify.annotations.Nullable;

/// MoeDispatch.
public record MoeDispatch(int maxTokens, int topK, int firstExpert, int localExperts, int alignment) implements KernelSpec<MoeDispatch.Args> {
    /// Arguments.
    public record Args(Tensor indices, Tensor segmentStart, Tensor segmentCount, Tensor rowToken, Tensor rowSlot, Tensor tokenRow, @Nullable Tensor activeRows) implements KernelArgs {
        @Override
        public Operands operands() {
            return Operands.of().read("indices", indices).write("segmentStart", segmentStart).write("segmentCount", segmentCount).write("rowToken", rowToken).write("rowSlot", rowSlot).write("tokenRow", tokenRow).read("activeRows", activeRows);
        }
    }

    /// {@return rows}
    public int maxRows() { return maxRows(maxTokens); }

    /// {@return rows}
    public int maxRows(long tokens) { return (int) tokens; }

    @Override
    public void validate(Args args) {}

    @Override
    public Cost cost() {
        return Cost.ZERO;
    }
}
