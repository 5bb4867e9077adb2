package dev.halcyon.engine.model;

import dev.halcyon.engine.weights.Weight;
import dev.halcyon.hal.kernel.linear.Gemm;
import dev.halcyon.hal.memory.Tensor;

import org.jspecify.annotations.Nullable;

/// A linear layer: rows times a stored weight.
final class Linear {
    private Linear() {}

    static void add(
            LaunchSink sink,
            ModelDims dims,
            Tensor x,
            Weight weight,
            Tensor out,
            @Nullable Tensor activeRows) {
        int bound = ModelDims.bound(Math.toIntExact(x.dim(0)));
        Gemm spec =
                Gemm.linear(
                                bound,
                                weight.columns(),
                                weight.rows(),
                                x.dtype(),
                                weight.format(),
                                out.dtype())
                        .withBatchInvariant(dims.batchInvariant());
        sink.add(spec, new Gemm.Args(x, weight.operand(), out, activeRows));
    }
}
