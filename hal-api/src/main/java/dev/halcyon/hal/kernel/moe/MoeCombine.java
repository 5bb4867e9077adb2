package dev.halcyon.hal.kernel.moe;

import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.kernel.Operands;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;
import org.jspecify.annotations.Nullable;

/// MoeCombine.
public record MoeCombine(int maxTokens, int topK, int dim, int maxRows, DType rows, DType out, boolean weighted, boolean addend) implements KernelSpec<MoeCombine.Args> {
    /// Arguments.
    public record Args(Tensor rows, Tensor tokenRow, @Nullable Tensor weights, @Nullable Tensor addend, Tensor out, @Nullable Tensor activeRows) implements KernelArgs {
        @Override
        public Operands operands() {
            return Operands.of().read("rows", rows).read("tokenRow", tokenRow).read("weights", weights).read("addend", addend).write("out", out, "addend").read("activeRows", activeRows);
        }
    }

    @Override
    public void validate(Args args) {}

    @Override
    public Cost cost() {
        return Cost.ZERO;
    }
}
