package dev.halcyon.hal.kernel.attention;

import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.kernel.Operands;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;
import org.jspecify.annotations.Nullable;

/// Rope.
public record Rope(int maxRows, int heads, int headDim, int firstRotated, RotaryFrequencies frequencies, Pairing pairing, boolean inverse, DType in, DType out) implements KernelSpec<Rope.Args> {
    /// Pairing.
    public enum Pairing { INTERLEAVED, HALF_SPLIT }

    /// Arguments.
    public record Args(Tensor x, Tensor positions, Tensor out, @Nullable Tensor activeRows) implements KernelArgs {
        @Override
        public Operands operands() {
            return Operands.of().read("x", x).read("positions", positions).write("out", out, "x").read("activeRows", activeRows);
        }
    }

    @Override
    public void validate(Args args) {}

    @Override
    public Cost cost() {
        return Cost.ZERO;
    }
}
