package dev.halcyon.hal.kernel.attention;

import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.kernel.Operands;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;
import org.jspecify.annotations.Nullable;

/// MlaPrefill.
public record MlaPrefill(int maxTokens, int maxKeys, int maxSequences, int heads, int nopeDim, int ropeDim, int valueDim, double softmaxScale, boolean causal, boolean sink, DType in, DType out) implements KernelSpec<MlaPrefill.Args> {
    /// Arguments.
    public record Args(Tensor query, Tensor key, Tensor ropeKey, Tensor value, Tensor queryStart, Tensor keyStart, @Nullable Tensor sink, Tensor out, @Nullable Tensor logSumExp, @Nullable Tensor maxLogit) implements KernelArgs {
        @Override
        public Operands operands() {
            return Operands.of().read("query", query).read("key", key).read("ropeKey", ropeKey).read("value", value).read("queryStart", queryStart).read("keyStart", keyStart).read("sink", sink).write("out", out).write("logSumExp", logSumExp).write("maxLogit", maxLogit);
        }
    }

    @Override
    public void validate(Args args) {}

    @Override
    public Cost cost() {
        return Cost.ZERO;
    }
}
