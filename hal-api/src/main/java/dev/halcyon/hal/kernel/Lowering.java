package dev.halcyon.hal.kernel;

import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Shape;
import dev.halcyon.hal.memory.Tensor;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;

/// A coarse operation said in finer ones, run in order on the same device, with intermediates in
/// the workspace.
///
/// A backend that has the finer kernels runs every coarse spec without doing anything; it overrides
/// what it can fuse.
///
/// @param <A> the arguments of the coarse operation
/// @param scratch intermediates, each of unspecified contents at the start
/// @param steps the finer operations in order
public record Lowering<A extends KernelArgs>(List<Scratch> scratch, List<Step<A, ?>> steps) {
    /// One intermediate tensor.
    ///
    /// @param name how the steps refer to it
    /// @param dtype its element type
    /// @param shape its shape at the upper bounds
    public record Scratch(String name, DType dtype, Shape shape) {}

    /// One finer operation.
    ///
    /// @param spec what to compute
    /// @param arguments makes its arguments from the coarse ones and the intermediates by name
    public record Step<A extends KernelArgs, B extends KernelArgs>(
            KernelSpec<B> spec, BiFunction<A, Map<String, Tensor>, B> arguments) {}

    public Lowering {
        scratch = List.copyOf(scratch);
        steps = List.copyOf(steps);
    }

    /// {@return a builder without steps}
    public static <A extends KernelArgs> Builder<A> builder() {
        return new Builder<>();
    }

    /// Collects intermediates and steps.
    public static final class Builder<A extends KernelArgs> {
        private final List<Scratch> scratch = new ArrayList<>();
        private final List<Step<A, ?>> steps = new ArrayList<>();

        private Builder() {}

        /// Declares an intermediate.
        public Builder<A> scratch(String name, DType dtype, long... dims) {
            scratch.add(new Scratch(name, dtype, Shape.of(dims)));
            return this;
        }

        /// Adds an operation.
        public <B extends KernelArgs> Builder<A> step(
                KernelSpec<B> spec, BiFunction<A, Map<String, Tensor>, B> arguments) {
            steps.add(new Step<>(spec, arguments));
            return this;
        }

        /// {@return the lowering}
        public Lowering<A> build() {
            return new Lowering<>(scratch, steps);
        }
    }
}
