package dev.halcyon.hal.host;

import dev.halcyon.hal.Device;
import dev.halcyon.hal.Graph;
import dev.halcyon.hal.Recorder;
import dev.halcyon.hal.kernel.Operands;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.spi.ArenaEpochs;
import dev.halcyon.hal.spi.BoundLaunch;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;

/// A recorded list of work, run in order; the branches of a fork run one after the other.
final class ListGraph implements Graph {
    private final HostDevice device;
    private final Node[] nodes;
    private final List<BoundLaunch<HostWork>> launches;
    private final int launchCount;
    private final ArenaEpochs arenas;
    private final AtomicBoolean inFlight = new AtomicBoolean();

    /// One step of a graph.
    sealed interface Node {
        /// A kernel launch.
        record Run(BoundLaunch<HostWork> launch) implements Node {}

        /// A copy.
        record Copy(Tensor destination, Tensor source) implements Node {}

        /// A fill.
        record Fill(Tensor destination, double value) implements Node {}

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

    private ListGraph(HostDevice device, List<Node> nodes, ArenaEpochs arenas) {
        this.device = device;
        this.nodes = nodes.toArray(Node[]::new);
        this.arenas = arenas;
        Set<BoundLaunch<HostWork>> distinct = new LinkedHashSet<>();
        int count = 0;
        for (Node node : nodes) {
            if (node instanceof Node.Run run) {
                distinct.add(run.launch());
                count++;
            }
        }
        this.launches = List.copyOf(distinct);
        this.launchCount = count;
    }

    static ListGraph record(HostDevice device, HostArena home, Consumer<Recorder> body) {
        List<Node> nodes = NodeCollector.collect(device, body);
        Set<DeviceArena> arenas = new LinkedHashSet<>();
        arenas.add(home);
        for (Node node : nodes) {
            if (node instanceof Node.Run run) {
                for (int i = 0; i < run.launch().arenas().count(); i++) {
                    arenas.add(run.launch().arenas().arena(i));
                }
            } else {
                node.operands()
                        .accesses()
                        .forEach(access -> arenas.add(((Tensor) access.operand()).arena()));
            }
        }
        // Epochs first, then liveness: the recording itself may have reset an arena after a node
        // was added.
        ArenaEpochs epochs = ArenaEpochs.now(arenas);
        nodes.forEach(NodeCollector::checkAlive);
        return new ListGraph(device, nodes, epochs);
    }

    @Override
    public Device device() {
        return device;
    }

    @Override
    public int size() {
        return nodes.length;
    }

    int launchCount() {
        return launchCount;
    }

    ArenaEpochs arenas() {
        return arenas;
    }

    @Override
    public boolean isAlive() {
        return arenas.areCurrent();
    }

    /// Claims the graph and all its launches for one stream.
    ///
    /// @throws IllegalStateException if one of them is in flight already
    void enter() {
        if (!inFlight.compareAndSet(false, true)) {
            throw new IllegalStateException(
                    "this graph is in flight on another stream; record one graph per stream");
        }
        int entered = 0;
        try {
            while (entered < launches.size()) {
                launches.get(entered).enter();
                entered++;
            }
        } catch (IllegalStateException elsewhere) {
            leave(entered);
            throw elsewhere;
        }
    }

    void leave() {
        leave(launches.size());
    }

    private void leave(int entered) {
        for (int i = 0; i < entered; i++) {
            launches.get(i).leave();
        }
        inFlight.set(false);
    }

    /// Runs every node in order.
    void run(FaultSink faults) {
        for (Node node : nodes) {
            switch (node) {
                case Node.Run run -> run.launch().work().run(faults);
                case Node.Copy copy -> StridedCopy.copy(copy.destination(), copy.source());
                case Node.Fill fill -> StridedCopy.fill(fill.destination(), fill.value());
            }
        }
    }
}
