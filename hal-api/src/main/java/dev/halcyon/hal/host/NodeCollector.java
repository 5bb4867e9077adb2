package dev.halcyon.hal.host;

import dev.halcyon.hal.Launch;
import dev.halcyon.hal.Recorder;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.spi.BindChecks;
import dev.halcyon.hal.spi.BoundLaunch;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/// Collects the nodes of a graph while the recording lambda runs.
final class NodeCollector implements Recorder {
    private final HostDevice device;
    private final List<ListGraph.Node> nodes = new ArrayList<>();
    private String refusal = "";

    private NodeCollector(HostDevice device) {
        this.device = device;
    }

    /// {@return what `body` adds to a recorder that is of no use afterwards}
    static List<ListGraph.Node> collect(HostDevice device, Consumer<Recorder> body) {
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
        BoundLaunch<HostWork> bound = device.own(launch);
        if (!bound.plan().support().capturable()) {
            throw new IllegalArgumentException(
                    bound.plan().spec().name()
                            + " by "
                            + bound.plan().support().implementation()
                            + " is not capturable; submit it beside the graph");
        }
        add(new ListGraph.Node.Run(bound));
    }

    @Override
    public void copy(Tensor destination, Tensor source) {
        checkOpen();
        device.checkOwn("copy", destination);
        device.checkOwn("copy", source);
        StridedCopy.checkAlike(destination, source);
        add(new ListGraph.Node.Copy(destination, source));
    }

    @Override
    public void fill(Tensor destination, double value) {
        checkOpen();
        device.checkOwn("fill", destination);
        StridedCopy.checkWritable("fill", destination);
        add(new ListGraph.Node.Fill(destination, value));
    }

    private void add(ListGraph.Node node) {
        checkAlive(node);
        nodes.add(node);
    }

    @Override
    public void fork(List<Consumer<Recorder>> branches) {
        checkOpen();
        refusal =
                "the recorder of a fork was used inside one of its branches; use the branch's own";
        List<ListGraph.Node> earlier = new ArrayList<>();
        try {
            for (Consumer<Recorder> branch : branches) {
                List<ListGraph.Node> inner = collect(device, branch);
                checkIndependent(earlier, inner);
                earlier.addAll(inner);
            }
        } finally {
            refusal = "";
        }
        nodes.addAll(earlier);
    }

    private static void checkIndependent(
            List<ListGraph.Node> earlier, List<ListGraph.Node> branch) {
        for (ListGraph.Node one : earlier) {
            for (ListGraph.Node other : branch) {
                BindChecks.checkIndependent(
                        one.name(), one.operands(), other.name(), other.operands());
            }
        }
    }

    /// @throws IllegalStateException if the memory of a node has gone to somebody else
    static void checkAlive(ListGraph.Node node) {
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
