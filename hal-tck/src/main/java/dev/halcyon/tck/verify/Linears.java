package dev.halcyon.tck.verify;

import dev.halcyon.hal.kernel.linear.Gemm;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Operand;
import dev.halcyon.hal.memory.Tensor;

import org.jspecify.annotations.Nullable;

/// Linear layers of a run.
final class Linears {
    private Linears() {}

    /// `x weightᵀ` in the run's element type.
    static Tensor apply(
            Workbench bench, Tensor x, Operand weight, int live, @Nullable Tensor active) {
        return apply(bench, x, weight, bench.storage(), live, active);
    }

    static Tensor apply(
            Workbench bench,
            Tensor x,
            Operand weight,
            DType result,
            int live,
            @Nullable Tensor active) {
        int out = Math.toIntExact(weight.shape().dim(0));
        int in = Math.toIntExact(weight.shape().dim(1));
        Tensor y = bench.unfilled(result, live, out);
        bench.run(
                Gemm.linear(bench.bound(live), in, out, bench.storage(), weight.format(), result),
                new Gemm.Args(x, weight, y, active));
        return y;
    }
}
