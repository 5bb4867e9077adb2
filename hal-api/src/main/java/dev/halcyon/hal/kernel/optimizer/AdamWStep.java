package dev.halcyon.hal.kernel.optimizer;

import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.kernel.Operands;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Operand;
import dev.halcyon.hal.memory.Tensor;

/// AdamWStep.
public record AdamWStep(int maxElements, Form form, double beta1, double beta2, double epsilon, DType parameter, DType gradient, DType moments) implements KernelSpec<AdamWStep.Args> {
    /// Form.
    public enum Form { TORCH, MOONLIGHT }

    /// Arguments.
    public record Args(Operand parameter, Operand gradient, Operand firstMoment, Operand secondMoment, Tensor hyper, Tensor step) implements KernelArgs {
        @Override
        public Operands operands() {
            return Operands.of().update("parameter", parameter).read("gradient", gradient).update("firstMoment", firstMoment).update("secondMoment", secondMoment).read("hyper", hyper).read("step", step);
        }
    }

    @Override
    public void validate(Args args) {}

    @Override
    public Cost cost() {
        return Cost.ZERO;
    }
}
