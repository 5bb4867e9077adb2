package dev.halcyon.backend.ascend;

import dev.halcyon.backend.ascend.operators.AscendWork;
import dev.halcyon.hal.kernel.Operands;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.spi.BoundLaunch;

/// One step of a graph.
sealed interface GraphNode {
    /// A kernel launch.
    record Run(BoundLaunch<AscendWork> launch) implements GraphNode {}

    /// A copy.
    record Copy(Tensor destination, Tensor source) implements GraphNode {}

    /// A fill.
    record Fill(Tensor destination, double value) implements GraphNode {}

    /// {@return what the step is called in messages}
    default String name() {
        return switch (this) {
            case Run run -> run.launch().plan().spec().name();
            case Copy copy -> "copy";
            case Fill fill -> "fill";
        };
    }

    /// {@return what the step reads and writes}
    default Operands operands() {
        return switch (this) {
            case Run run -> run.launch().operands();
            case Copy copy ->
                    Operands.of()
                            .read("source", copy.source())
                            .write("destination", copy.destination());
            case Fill fill -> Operands.of().write("destination", fill.destination());
        };
    }

    /// {@return whether the memory it was made for is still its own}
    default boolean isAlive() {
        return switch (this) {
            case Run run -> run.launch().isAlive();
            case Copy copy -> copy.destination().isAlive() && copy.source().isAlive();
            case Fill fill -> fill.destination().isAlive();
        };
    }
}
