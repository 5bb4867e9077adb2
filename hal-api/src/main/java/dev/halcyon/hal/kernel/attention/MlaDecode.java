package dev.halcyon.hal.kernel.attention;

import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.kernel.Operands;
import dev.halcyon.hal.memory.CacheFormat;
import dev.halcyon.hal.memory.CachePool;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;
import org.jspecify.annotations.Nullable;

/// MlaDecode.
public record MlaDecode(int maxSequences, int queriesPerSequence, int heads, int latentDim, int ropeDim, double softmaxScale, CacheFormat cache, int maxPagesPerSequence, int splitRows, boolean sink, DType query, DType out, DType accumulate, boolean batchInvariant) implements KernelSpec<MlaDecode.Args> {
    /// Arguments.
    public record Args(Tensor query, CachePool cache, Tensor blockTable, Tensor lengths, @Nullable Tensor splitStart, @Nullable Tensor sink, Tensor out, @Nullable Tensor logSumExp, @Nullable Tensor maxLogit, @Nullable Tensor activeRows) implements KernelArgs {
        @Override
        public Operands operands() {
            return Operands.of().read("query", query).read("cache", cache).read("blockTable", blockTable).read("lengths", lengths).read("splitStart", splitStart).read("sink", sink).write("out", out).write("logSumExp", logSumExp).write("maxLogit", maxLogit).read("activeRows", activeRows);
        }
    }

    @Override
    public void validate(Args args) {}

    @Override
    public Cost cost() {
        return Cost.ZERO;
    }
}
