package dev.halcyon.hal.spi;

import dev.halcyon.hal.Recorder;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.Tensor;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BiConsumer;
import java.util.function.Consumer;

/// The recorded steps of a graph with all they depend on, whatever a backend makes of them.
///
/// @param <W> the backend's type of bound work
public final class GraphRecording<W> {
    private final List<GraphNode<W>> nodes;
    private final List<GraphNode<W>> steps;
    private final List<BoundLaunch<W>> launches;
    private final int launchCount;
    private final ArenaEpochs arenas;
    private final AtomicBoolean inFlight = new AtomicBoolean();

    private GraphRecording(List<GraphNode<W>> nodes, List<GraphNode<W>> steps, ArenaEpochs arenas) {
        this.nodes = List.copyOf(nodes);
        this.steps = steps;
        this.arenas = arenas;
        List<BoundLaunch<W>> all =
                steps.stream()
                        .<BoundLaunch<W>>mapMulti(
                                (step, sink) -> {
                                    if (step instanceof GraphNode.Run<W> run) {
                                        sink.accept(run.launch());
                                    }
                                })
                        .toList();
        this.launchCount = all.size();
        this.launches = List.copyOf(new LinkedHashSet<>(all));
    }

    /// {@return what `body` records}
    ///
    /// @param home where the graph lives
    /// @param memory throws, given an operation and a tensor, if a graph cannot use the tensor
    /// @throws IllegalStateException if something recorded has gone stale
    public static <W> GraphRecording<W> of(
            Belonging<W> belonging,
            BiConsumer<String, Tensor> memory,
            DeviceArena home,
            Consumer<Recorder> body) {
        List<GraphNode<W>> nodes = NodeCollector.collect(belonging, memory, body);
        List<GraphNode<W>> steps = GraphNode.flat(nodes).toList();
        Set<DeviceArena> arenas = new LinkedHashSet<>();
        arenas.add(home);
        steps.forEach(step -> step.addArenas(arenas));
        // Epochs first, then liveness: the recording itself may have reset an arena after a node
        // was added.
        ArenaEpochs epochs = ArenaEpochs.now(arenas);
        steps.forEach(GraphNode::checkAlive);
        return new GraphRecording<>(nodes, steps, epochs);
    }

    /// {@return the steps as they were recorded, forks among them}
    public List<GraphNode<W>> nodes() {
        return nodes;
    }

    /// {@return the launches, copies and fills, with the branches of a fork one after the other}
    public List<GraphNode<W>> steps() {
        return steps;
    }

    /// {@return the launches in it, each once}
    public List<BoundLaunch<W>> launches() {
        return launches;
    }

    /// {@return the number of launches, one that was recorded twice counted twice}
    public int launchCount() {
        return launchCount;
    }

    /// {@return every arena involved, as it was when the recording ended}
    public ArenaEpochs arenas() {
        return arenas;
    }

    /// Claims the graph and all its launches for one stream.
    ///
    /// @throws IllegalStateException if one of them is in flight already
    public void enter() {
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

    /// Gives them back.
    public void leave() {
        leave(launches.size());
    }

    private void leave(int entered) {
        for (int i = 0; i < entered; i++) {
            launches.get(i).leave();
        }
        inFlight.set(false);
    }
}
