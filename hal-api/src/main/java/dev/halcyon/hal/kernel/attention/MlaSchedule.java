package dev.halcyon.hal.kernel.attention;

import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.kernel.Operands;
import dev.halcyon.hal.memory.Tensor;

/// MlaSchedule.
public record MlaSchedule(int maxSequences, int splitRows) implements KernelSpec<MlaSchedule.Args> {
    /// Arguments.
    public record Args(Tensor lengths, Tensor splitStart) implements KernelArgs {
        @Override
        public Operands operands() {
            return Operands.of().read("lengths", lengths).write("splitStart", splitStart);
        }
    }

    @Override
    public void validate(Args args) {}

    @Override
    public Cost cost() {
        return Cost.ZERO;
    }
}
