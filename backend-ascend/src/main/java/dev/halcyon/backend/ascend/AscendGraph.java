package dev.halcyon.backend.ascend;

import dev.halcyon.backend.ascend.graph.CapturedGraph;
import dev.halcyon.backend.ascend.operators.AscendWork;
import dev.halcyon.hal.Device;
import dev.halcyon.hal.Graph;
import dev.halcyon.hal.Recorder;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.spi.ArenaEpochs;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;

/// A recorded list of work, captured on the device; where CANN cannot capture, replaying gives the
/// stream the work one by one. The branches of a fork run one after the other.
final class AscendGraph implements Graph {
    private final AscendDevice device;
    private final int size;
    private final int launchCount;
    private final ArenaEpochs arenas;
    private final AscendWork work;
    private final @Nullable CapturedGraph captured;

    private AscendGraph(
            AscendDevice device,
            List<GraphNode> nodes,
            ArenaEpochs arenas,
            AscendWork work,
            @Nullable CapturedGraph captured) {
        this.device = device;
        this.size = nodes.size();
        this.launchCount =
                (int) nodes.stream().filter(node -> node instanceof GraphNode.Run).count();
        this.arenas = arenas;
        this.work = work;
        this.captured = captured;
    }

    static AscendGraph record(AscendDevice device, AscendArena home, Consumer<Recorder> body) {
        List<GraphNode> nodes = NodeCollector.collect(device, body);
        Set<DeviceArena> arenas = new LinkedHashSet<>();
        arenas.add(home);
        List<AscendWork> pieces = new ArrayList<>();
        for (GraphNode node : nodes) {
            switch (node) {
                case GraphNode.Run run -> {
                    for (int i = 0; i < run.launch().arenas().count(); i++) {
                        arenas.add(run.launch().arenas().arena(i));
                    }
                    pieces.add(run.launch().work());
                }
                case GraphNode.Copy copy -> {
                    arenas.add(copy.destination().arena());
                    arenas.add(copy.source().arena());
                    pieces.add(
                            AscendWork.of(
                                    BitTransfer.copy(
                                            device.platform(), copy.destination(), copy.source())));
                }
                case GraphNode.Fill fill -> {
                    arenas.add(fill.destination().arena());
                    pieces.add(
                            AscendWork.of(
                                    BitTransfer.fill(
                                            device.platform(), fill.destination(), fill.value())));
                }
            }
        }
        // Epochs first, then liveness: the recording itself may have reset an arena after a node
        // was added.
        ArenaEpochs epochs = ArenaEpochs.now(arenas);
        nodes.forEach(NodeCollector::checkAlive);
        AscendWork work = AscendWork.inOrder(pieces);
        CapturedGraph captured = work.tasks().isEmpty() ? null : device.capture(work);
        if (captured != null) {
            home.onRelease(() -> device.destroyGraph(captured, home.uses()));
        }
        return new AscendGraph(device, nodes, epochs, work, captured);
    }

    @Override
    public Device device() {
        return device;
    }

    @Override
    public int size() {
        return size;
    }

    int launchCount() {
        return launchCount;
    }

    ArenaEpochs arenas() {
        return arenas;
    }

    AscendWork work() {
        return work;
    }

    @Nullable CapturedGraph captured() {
        return captured;
    }

    @Override
    public boolean isAlive() {
        return arenas.areCurrent();
    }
}
