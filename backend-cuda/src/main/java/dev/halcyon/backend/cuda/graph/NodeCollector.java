package dev.halcyon.backend.cuda.graph;

import dev.halcyon.backend.cuda.kernels.CudaWork;
import dev.halcyon.hal.Launch;
import dev.halcyon.hal.Recorder;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.spi.BindChecks;
import dev.halcyon.hal.spi.BoundLaunch;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/// Collects the nodes of a graph while the recording lambda runs, so that none of the user's code
/// runs inside a capture.
final class NodeCollector implements Recorder {
    private final GraphHome home;
    private final List<GraphNode> nodes = new ArrayList<>();
    private String refusal = "";

    private NodeCollector(GraphHome home) {
        this.home = home;
    }

    /// {@return what `body` adds to a recorder that is of no use afterwards}
    static List<GraphNode> collect(GraphHome home, Consumer<Recorder> body) {
        NodeCollector collector = new NodeCollector(home);
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
        BoundLaunch<CudaWork> bound = home.own(launch);
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
        home.checkOwn("copy", destination);
        home.checkOwn("copy", source);
        if (destination.dtype() != source.dtype() || !destination.shape().equals(source.shape())) {
            throw new IllegalArgumentException(
                    "copy needs one type and shape: destination is "
                            + destination
                            + ", source is "
                            + source
                            + "; Cast converts types");
        }
        checkWritable("copy", destination);
        add(new GraphNode.Copy(destination, source));
    }

    @Override
    public void fill(Tensor destination, double value) {
        checkOpen();
        home.checkOwn("fill", destination);
        checkWritable("fill", destination);
        add(new GraphNode.Fill(destination, value));
    }

    private static void checkWritable(String operation, Tensor destination) {
        if (!destination.buffer().isWritable()) {
            throw new IllegalArgumentException(
                    operation
                            + " into "
                            + destination
                            + ", a mapped file, which cannot be written; use memory of an arena");
        }
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
        List<List<GraphNode>> all = new ArrayList<>();
        try {
            for (Consumer<Recorder> branch : branches) {
                List<GraphNode> inner = collect(home, branch);
                all.forEach(earlier -> checkIndependent(earlier, inner));
                all.add(inner);
            }
        } finally {
            refusal = "";
        }
        nodes.add(new GraphNode.Fork(List.copyOf(all)));
    }

    private static void checkIndependent(List<GraphNode> earlier, List<GraphNode> branch) {
        for (GraphNode one : GraphNode.flat(earlier).toList()) {
            for (GraphNode other : GraphNode.flat(branch).toList()) {
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
