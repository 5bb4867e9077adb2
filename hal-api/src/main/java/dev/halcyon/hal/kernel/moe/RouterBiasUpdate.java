package dev.halcyon.hal.kernel.moe;

import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.kernel.Operands;
import dev.halcyon.hal.memory.Tensor;

/// RouterBiasUpdate.
public record RouterBiasUpdate(int experts, double rate) implements KernelSpec<RouterBiasUpdate.Args> {
    /// Arguments.
    public record Args(Tensor bias, Tensor load) implements KernelArgs {
        @Override
        public Operands operands() {
            return Operands.of().update("bias", bias).read("load", load);
        }
    }

    @Override
    public void validate(Args args) {}

    @Override
    public Cost cost() {
        return Cost.ZERO;
    }
}
