package dev.halcyon.backend.cuda.graph;

import dev.halcyon.backend.cuda.kernels.CudaWork;
import dev.halcyon.hal.kernel.Operands;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.spi.BoundLaunch;

import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/// One step of a graph as it was recorded.
sealed interface GraphNode {
    /// A kernel launch.
    record Run(BoundLaunch<CudaWork> launch) implements GraphNode {}

    /// A copy.
    record Copy(Tensor destination, Tensor source) implements GraphNode {}

    /// A fill.
    record Fill(Tensor destination, double value) implements GraphNode {}

    /// Branches that may run side by side.
    record Fork(List<List<GraphNode>> branches) implements GraphNode {}

    /// {@return what the step is called in messages}
    default String name() {
        return switch (this) {
            case Run run -> run.launch().plan().spec().name();
            case Copy _ -> "copy";
            case Fill _ -> "fill";
            case Fork _ -> "fork";
        };
    }

    /// {@return what the step reads and writes; nothing for a fork, whose steps say it themselves}
    default Operands operands() {
        return switch (this) {
            case Run run -> run.launch().operands();
            case Copy copy ->
                    Operands.of()
                            .read("source", copy.source())
                            .write("destination", copy.destination());
            case Fill fill -> Operands.of().write("destination", fill.destination());
            case Fork _ -> Operands.of();
        };
    }

    /// {@return whether the memory it was made for is still its own}
    default boolean isAlive() {
        return switch (this) {
            case Run run -> run.launch().isAlive();
            case Copy copy -> copy.destination().isAlive() && copy.source().isAlive();
            case Fill fill -> fill.destination().isAlive();
            case Fork _ -> true;
        };
    }

    /// Adds the arenas it depends on.
    default void addArenas(Set<DeviceArena> arenas) {
        if (this instanceof Run run) {
            for (int i = 0; i < run.launch().arenas().count(); i++) {
                arenas.add(run.launch().arenas().arena(i));
            }
            return;
        }
        operands().accesses().forEach(access -> arenas.add(((Tensor) access.operand()).arena()));
    }

    /// {@return the steps without the forks around them}
    static Stream<GraphNode> flat(List<GraphNode> nodes) {
        return nodes.stream()
                .flatMap(
                        node ->
                                node instanceof Fork fork
                                        ? fork.branches().stream().flatMap(GraphNode::flat)
                                        : Stream.of(node));
    }
}
