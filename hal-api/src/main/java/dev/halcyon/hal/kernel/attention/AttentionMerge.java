package dev.halcyon.hal.kernel.attention;

import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.kernel.Operands;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;
import org.jspecify.annotations.Nullable;

/// AttentionMerge.
public record AttentionMerge(int maxRows, int heads, int dim, int parts, boolean sink, DType in, DType out) implements KernelSpec<AttentionMerge.Args> {
    /// Arguments.
    public record Args(Tensor partial, Tensor partialLse, @Nullable Tensor sink, Tensor out, @Nullable Tensor logSumExp, @Nullable Tensor activeRows) implements KernelArgs {
        @Override
        public Operands operands() {
            return Operands.of().read("partial", partial).read("partialLse", partialLse).read("sink", sink).write("out", out).write("logSumExp", logSumExp).read("activeRows", activeRows);
        }
    }

    @Override
    public void validate(Args args) {}

    @Override
    public Cost cost() {
        return Cost.ZERO;
    }
}
