package dev.halcyon.hal.kernel.moe;

import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.kernel.Operands;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Operand;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.WeightFormat;
import org.jspecify.annotations.Nullable;

/// SwiGluMlp.
public record SwiGluMlp(int maxRows, int hidden, int dim, WeightFormat gateUp, WeightFormat down, double limit, DType x, DType intermediate, DType out, boolean batchInvariant) implements KernelSpec<SwiGluMlp.Args> {
    /// Arguments.
    public record Args(Tensor x, Operand gate, Operand up, Operand down, Tensor out, @Nullable Tensor activeRows) implements KernelArgs {
        @Override
        public Operands operands() {
            return Operands.of().read("x", x).read("gate", gate).read("up", up).read("down", down).write("out", out).read("activeRows", activeRows);
        }
    }

    @Override
    public void validate(Args args) {}

    @Override
    public Cost cost() {
        return Cost.ZERO;
    }
}
