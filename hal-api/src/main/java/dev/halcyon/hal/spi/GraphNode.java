package dev.halcyon.hal.spi;

import dev.halcyon.hal.kernel.Operands;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.Tensor;

import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/// One step of a graph as it was recorded.
///
/// @param <W> the backend's type of bound work
public sealed interface GraphNode<W> {
    /// A kernel launch.
    record Run<W>(BoundLaunch<W> launch) implements GraphNode<W> {}

    /// A copy.
    record Copy<W>(Tensor destination, Tensor source) implements GraphNode<W> {}

    /// A fill.
    record Fill<W>(Tensor destination, double value) implements GraphNode<W> {}

    /// Branches that may run side by side, or one after the other.
    record Fork<W>(List<List<GraphNode<W>>> branches) implements GraphNode<W> {}

    /// {@return what the step is called in messages}
    default String name() {
        return switch (this) {
            case Run<W> run -> run.launch().plan().spec().name();
            case Copy<W> _ -> "copy";
            case Fill<W> _ -> "fill";
            case Fork<W> _ -> "fork";
        };
    }

    /// {@return what the step reads and writes; nothing for a fork, whose steps say it themselves}
    default Operands operands() {
        return switch (this) {
            case Run<W> run -> run.launch().operands();
            case Copy<W> copy ->
                    Operands.of()
                            .read("source", copy.source())
                            .write("destination", copy.destination());
            case Fill<W> fill -> Operands.of().write("destination", fill.destination());
            case Fork<W> _ -> Operands.of();
        };
    }

    /// @throws IllegalStateException if the memory of the step has gone to somebody else
    default void checkAlive() {
        boolean alive =
                switch (this) {
                    case Run<W> run -> run.launch().isAlive();
                    case Copy<W> copy -> copy.destination().isAlive() && copy.source().isAlive();
                    case Fill<W> fill -> fill.destination().isAlive();
                    case Fork<W> _ -> true;
                };
        if (!alive) {
            throw new IllegalStateException(
                    "recording a stale "
                            + name()
                            + ": an arena of its operands was closed or reset; make the tensors and"
                            + " bind the launch again");
        }
    }

    /// Adds the arenas that the step depends on.
    default void addArenas(Set<DeviceArena> arenas) {
        if (this instanceof Run<W> run) {
            for (int i = 0; i < run.launch().arenas().count(); i++) {
                arenas.add(run.launch().arenas().arena(i));
            }
            return;
        }
        operands().accesses().forEach(access -> arenas.add(((Tensor) access.operand()).arena()));
    }

    /// {@return the steps in order, without the forks around them}
    static <W> Stream<GraphNode<W>> flat(List<GraphNode<W>> nodes) {
        return nodes.stream()
                .flatMap(
                        node ->
                                node instanceof Fork<W> fork
                                        ? fork.branches().stream().flatMap(GraphNode::flat)
                                        : Stream.of(node));
    }
}
