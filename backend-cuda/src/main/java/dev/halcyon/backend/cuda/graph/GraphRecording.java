package dev.halcyon.backend.cuda.graph;

import dev.halcyon.backend.cuda.kernels.CudaWork;
import dev.halcyon.hal.Recorder;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.spi.ArenaEpochs;
import dev.halcyon.hal.spi.BoundLaunch;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;

/// A recorded list of steps with all it depends on, before it is captured.
///
/// @param nodes the steps
/// @param arenas every arena involved, as it was when the recording ended
/// @param launches the launches in it, each once
public record GraphRecording(
        List<GraphNode> nodes, ArenaEpochs arenas, List<BoundLaunch<CudaWork>> launches) {
    /// {@return what `body` records}
    ///
    /// @param arena where the graph lives
    /// @throws IllegalStateException if something recorded has gone stale
    public static GraphRecording of(GraphHome home, DeviceArena arena, Consumer<Recorder> body) {
        List<GraphNode> nodes = NodeCollector.collect(home, body);
        Set<DeviceArena> arenas = new LinkedHashSet<>();
        arenas.add(arena);
        Set<BoundLaunch<CudaWork>> launches = new LinkedHashSet<>();
        for (GraphNode node : GraphNode.flat(nodes).toList()) {
            node.addArenas(arenas);
            if (node instanceof GraphNode.Run run) {
                launches.add(run.launch());
            }
        }
        // Epochs first, then liveness: the recording itself may have reset an arena after a node
        // was added.
        ArenaEpochs epochs = ArenaEpochs.now(arenas);
        GraphNode.flat(nodes).forEach(NodeCollector::checkAlive);
        return new GraphRecording(nodes, epochs, List.copyOf(launches));
    }

    /// {@return the number of launches, copies and fills}
    int size() {
        return (int) GraphNode.flat(nodes).count();
    }

    /// {@return the number of launches}
    int launchCount() {
        return (int) GraphNode.flat(nodes).filter(GraphNode.Run.class::isInstance).count();
    }

    /// {@return whether a launch may report bad indices}
    public boolean mayFault() {
        return launches.stream().anyMatch(launch -> launch.work().mayFault());
    }
}
