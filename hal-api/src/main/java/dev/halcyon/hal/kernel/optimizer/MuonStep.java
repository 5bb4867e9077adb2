package dev.halcyon.hal.kernel.optimizer;

import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.kernel.Operands;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Operand;
import dev.halcyon.hal.memory.Tensor;

/// MuonStep.
public record MuonStep(NewtonSchulz newtonSchulz, Momentum momentum, double beta, boolean nesterov, UpdateScale scale, double scaleFactor, DType parameter, DType gradient, DType buffer) implements KernelSpec<MuonStep.Args> {
    /// Momentum.
    public enum Momentum { EMA, ACCUMULATE }

    /// UpdateScale.
    public enum UpdateScale { NONE, SQRT_MAX_1_RATIO, SQRT_MAX, SQRT_RATIO }

    /// Arguments.
    public record Args(Operand parameter, Operand gradient, Operand momentum, Tensor hyper) implements KernelArgs {
        @Override
        public Operands operands() {
            return Operands.of().update("parameter", parameter).read("gradient", gradient).update("momentum", momentum).read("hyper", hyper);
        }
    }

    @Override
    public void validate(Args args) {}

    @Override
    public Cost cost() {
        return Cost.ZERO;
    }
}
