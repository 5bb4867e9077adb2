package dev.halcyon.backend.cpu.product;

import dev.halcyon.backend.cpu.CpuContext;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

/// How a product of some shape is computed: on native kernels where they take it, else in Java.
public sealed interface PlannedProduct permits ProductPlan, Bf16Plan {
    /// {@return the plan of a shape within a workspace limit, or one with the smallest possible
    /// workspace}
    static PlannedProduct of(ProductShape shape, CpuContext context, long workspaceLimit) {
        return Bf16Plan.takes(shape, context.nativeLevel())
                ? new Bf16Plan(shape, context.pool(), context.nativeLevel(), workspaceLimit)
                : ProductPlan.of(shape, context.pool(), context.matrix(), workspaceLimit);
    }

    /// {@return every [#label] that plans of a context can have}
    static List<String> labels(CpuContext context) {
        return Stream.concat(
                        Arrays.stream(ProductForm.values()).map(ProductForm::label),
                        Bf16Plan.labels(context.nativeLevel()))
                .toList();
    }

    /// {@return the last part of an implementation's name}
    String label();

    /// {@return whether a row's result is the same bits whatever other rows there are}
    boolean invariant();

    /// {@return bytes of workspace that a run needs}
    long workspaceBytes();

    /// {@return the product of given operands}
    ///
    /// @param addend what beta multiplies; the same as `out` for an update in place
    /// @param workspace at least [#workspaceBytes()] bytes, aligned to 64
    BoundProduct bind(
            Matrices left, Weights right, Matrices addend, Matrices out, MemorySegment workspace);
}
