package dev.halcyon.hal.kernel.moe;

import dev.halcyon.hal.memory.Tensor;

import java.util.Map;
import java.util.Objects;

/// Intermediates of a lowering, cut from the plan's upper bound to the rows of the launch at hand.
final class Scratch {
    private Scratch() {}

    static Tensor rows(Map<String, Tensor> scratch, String name, long rows) {
        return all(scratch, name).slice(0, 0, rows);
    }

    static Tensor all(Map<String, Tensor> scratch, String name) {
        return Objects.requireNonNull(scratch.get(name), name);
    }
}
