package dev.halcyon.backend.ascend.operators;

import dev.halcyon.hal.memory.Tensor;

import org.jspecify.annotations.Nullable;

/// Finds what the host knows of a tensor.
@FunctionalInterface
public interface StepInputs {
    /// {@return the numbers of an `I32` tensor; null unless it is that of a step input, or rows of
    /// one that lie one behind the other}
    @Nullable HostNumbers of(Tensor tensor);
}
