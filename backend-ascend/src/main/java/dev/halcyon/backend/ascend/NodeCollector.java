package dev.halcyon.backend.ascend;

import dev.halcyon.backend.ascend.operators.AscendWork;
import dev.halcyon.hal.Launch;
import dev.halcyon.hal.Recorder;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.spi.BindChecks;
import dev.halcyon.hal.spi.BoundLaunch;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/// Collects the nodes of a graph while the recording lambda runs, so that no code of the user ever
/// runs inside a capture.
final class NodeCollector implements Recorder {
    private final AscendDevice device;
    private final List<GraphNode> nodes = new ArrayList<>();
    private String refusal = "";

    private NodeCollector(AscendDevice device) {
        this.device = device;
    }

    /// {@return what `body` adds to a recorder that is of no use afterwards}
    static List<GraphNode> collect(AscendDevice device, Consumer<Recorder> body) {
        NodeCollector collector = new NodeCollector(device);
        try {
            body.accept(collector);
        } finally {
            collector.refusal = "this recorder was used after its recording ended";
        }
        return collector.nodes;
    }

    @Override
    public void submit(Launch launch) {
        checkOpen();
        BoundLaunch<AscendWork> bound = device.own(launch);
        if (!bound.plan().support().capturable()) {
            throw new IllegalArgumentException(
                    bound.plan().spec().name()
                            + " by "
                            + bound.plan().support().implementation()
                            + " is not capturable; submit it beside the graph");
        }
        add(new GraphNode.Run(bound));
    }

    @Override
    public void copy(Tensor destination, Tensor source) {
        checkOpen();
        device.checkDeviceMemory("copy", destination);
        device.checkDeviceMemory("copy", source);
        BitTransfer.checkAlike(destination, source);
        add(new GraphNode.Copy(destination, source));
    }

    @Override
    public void fill(Tensor destination, double value) {
        checkOpen();
        device.checkDeviceMemory("fill", destination);
        BitTransfer.checkWritable("fill", destination);
        add(new GraphNode.Fill(destination, value));
    }

    private void add(GraphNode node) {
        checkAlive(node);
        nodes.add(node);
    }

    @Override
    public void fork(List<Consumer<Recorder>> branches) {
        checkOpen();
        refusal =
                "the recorder of a fork was used inside one of its branches; use the branch's own";
        List<GraphNode> earlier = new ArrayList<>();
        try {
            for (Consumer<Recorder> branch : branches) {
                List<GraphNode> inner = collect(device, branch);
                checkIndependent(earlier, inner);
                earlier.addAll(inner);
            }
        } finally {
            refusal = "";
        }
        nodes.addAll(earlier);
    }

    private static void checkIndependent(List<GraphNode> earlier, List<GraphNode> branch) {
        for (GraphNode one : earlier) {
            for (GraphNode other : branch) {
                BindChecks.checkIndependent(
                        one.name(), one.operands(), other.name(), other.operands());
            }
        }
    }

    /// @throws IllegalStateException if the memory of a node has gone to somebody else
    static void checkAlive(GraphNode node) {
        if (!node.isAlive()) {
            throw new IllegalStateException(
                    "recording a stale "
                            + node.name()
                            + ": an arena of its operands was closed or reset; make the tensors and"
                            + " bind the launch again");
        }
    }

    private void checkOpen() {
        if (!refusal.isEmpty()) {
            throw new IllegalStateException(refusal);
        }
    }
}
