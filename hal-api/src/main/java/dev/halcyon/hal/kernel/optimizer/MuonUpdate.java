package dev.halcyon.hal.kernel.optimizer;

import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.kernel.Operands;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Operand;
import dev.halcyon.hal.memory.Tensor;

/// MuonUpdate.
public record MuonUpdate(int matrices, int rows, int columns, double scale, DType parameter, DType direction) implements KernelSpec<MuonUpdate.Args> {
    /// Arguments.
    public record Args(Operand parameter, Operand direction, Tensor hyper) implements KernelArgs {
        @Override
        public Operands operands() {
            return Operands.of().update("parameter", parameter).read("direction", direction).read("hyper", hyper);
        }
    }

    @Override
    public void validate(Args args) {}

    @Override
    public Cost cost() {
        return Cost.ZERO;
    }
}
