package dev.halcyon.hal.kernel.attention;

import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.kernel.Operands;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;
import org.jspecify.annotations.Nullable;

/// QkClip.
public record QkClip(int heads, int nopeDim, int ropeDim, int valueDim, int queryRank, int latentDim, double tau, double alpha, DType weight) implements KernelSpec<QkClip.Args> {
    /// Arguments.
    public record Args(Tensor queryWeight, Tensor kvWeight, Tensor maxLogit, @Nullable Tensor eta) implements KernelArgs {
        @Override
        public Operands operands() {
            return Operands.of().update("queryWeight", queryWeight).update("kvWeight", kvWeight).read("maxLogit", maxLogit).write("eta", eta);
        }
    }

    @Override
    public void validate(Args args) {}

    @Override
    public Cost cost() {
        return Cost.ZERO;
    }
}
