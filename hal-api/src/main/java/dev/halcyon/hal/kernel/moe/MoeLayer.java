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

/// MoeLayer.
public record MoeLayer(MoeGate gate, int expertDim, int sharedDim, int firstExpert, int localExperts, WeightFormat gateUp, WeightFormat down, WeightFormat sharedGateUp, WeightFormat sharedDown, double limit, WeightPosition position, DType intermediate, DType out, boolean batchInvariant) implements KernelSpec<MoeLayer.Args> {
    /// WeightPosition.
    public enum WeightPosition { AFTER_DOWN, BEFORE_DOWN }

    /// Arguments.
    public record Args(Tensor x, Tensor gateWeight, @Nullable Tensor gateBias, @Nullable Tensor tokenIds, @Nullable Tensor expertTable, Operand gateProj, Operand upProj, Operand downProj, @Nullable Operand sharedGate, @Nullable Operand sharedUp, @Nullable Operand sharedDown, Tensor out, @Nullable Tensor indices, @Nullable Tensor weights, @Nullable Tensor activeRows) implements KernelArgs {
        @Override
        public Operands operands() {
            return Operands.of().read("x", x).read("gateWeight", gateWeight).read("gateBias", gateBias).read("tokenIds", tokenIds).read("expertTable", expertTable).read("gateProj", gateProj).read("upProj", upProj).read("downProj", downProj).read("sharedGate", sharedGate).read("sharedUp", sharedUp).read("sharedDown", sharedDown).write("out", out).write("indices", indices).write("weights", weights).read("activeRows", activeRows);
        }
    }

    @Override
    public void validate(Args args) {}

    @Override
    public Cost cost() {
        return Cost.ZERO;
    }
}
