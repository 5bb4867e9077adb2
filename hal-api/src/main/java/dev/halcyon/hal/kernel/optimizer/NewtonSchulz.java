package dev.halcyon.hal.kernel.optimizer;

import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.kernel.Operands;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Operand;
import java.util.List;

/// NewtonSchulz.
public record NewtonSchulz(int matrices, int rows, int columns, List<Coefficients> steps, double epsilon, NormRule norm, Form form, DType in, DType compute, DType out) implements KernelSpec<NewtonSchulz.Args> {
    /// NormRule.
    public enum NormRule { ADD_EPSILON, CLAMP_MIN }

    /// Form.
    public enum Form { PLAIN, GRAM }

    /// Arguments.
    public record Args(Operand x, Operand out) implements KernelArgs {
        @Override
        public Operands operands() {
            return Operands.of().read("x", x).write("out", out);
        }
    }

    @Override
    public void validate(Args args) {}

    @Override
    public Cost cost() {
        return Cost.ZERO;
    }
}
