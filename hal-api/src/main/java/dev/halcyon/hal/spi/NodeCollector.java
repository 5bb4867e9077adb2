package dev.halcyon.hal.spi;

import dev.halcyon.hal.Launch;
import dev.halcyon.hal.Recorder;
import dev.halcyon.hal.memory.Tensor;

import java.util.ArrayList;
import java.util.List;
import java.util.function.BiConsumer;
import java.util.function.Consumer;

/// Collects the nodes of a graph while the recording lambda runs, so that none of the user's code
/// runs inside a native capture.
final class NodeCollector<W> implements Recorder {
    private final Belonging<W> belonging;
    private final BiConsumer<String, Tensor> memory;
    private final List<GraphNode<W>> nodes = new ArrayList<>();
    private String refusal = "";

    private NodeCollector(Belonging<W> belonging, BiConsumer<String, Tensor> memory) {
        this.belonging = belonging;
        this.memory = memory;
    }

    /// {@return what `body` adds to a recorder that is of no use afterwards}
    static <W> List<GraphNode<W>> collect(
            Belonging<W> belonging, BiConsumer<String, Tensor> memory, Consumer<Recorder> body) {
        NodeCollector<W> collector = new NodeCollector<>(belonging, memory);
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
        BoundLaunch<W> bound = belonging.own(launch);
        if (!bound.plan().support().capturable()) {
            throw new IllegalArgumentException(
                    bound.plan().spec().name()
                            + " by "
                            + bound.plan().support().implementation()
                            + " is not capturable; submit it beside the graph");
        }
        add(new GraphNode.Run<>(bound));
    }

    @Override
    public void copy(Tensor destination, Tensor source) {
        checkOpen();
        memory.accept("copy", destination);
        memory.accept("copy", source);
        TransferChecks.alike(destination, source);
        add(new GraphNode.Copy<>(destination, source));
    }

    @Override
    public void fill(Tensor destination, double value) {
        checkOpen();
        memory.accept("fill", destination);
        TransferChecks.writable("fill", destination);
        add(new GraphNode.Fill<>(destination, value));
    }

    private void add(GraphNode<W> node) {
        node.checkAlive();
        nodes.add(node);
    }

    @Override
    public void fork(List<Consumer<Recorder>> branches) {
        checkOpen();
        refusal =
                "the recorder of a fork was used inside one of its branches; use the branch's own";
        List<List<GraphNode<W>>> all = new ArrayList<>();
        try {
            for (Consumer<Recorder> branch : branches) {
                List<GraphNode<W>> inner = collect(belonging, memory, branch);
                all.forEach(earlier -> checkIndependent(earlier, inner));
                all.add(inner);
            }
        } finally {
            refusal = "";
        }
        nodes.add(new GraphNode.Fork<>(List.copyOf(all)));
    }

    private static <W> void checkIndependent(
            List<GraphNode<W>> earlier, List<GraphNode<W>> branch) {
        for (GraphNode<W> one : GraphNode.flat(earlier).toList()) {
            for (GraphNode<W> other : GraphNode.flat(branch).toList()) {
                BindChecks.checkIndependent(
                        one.name(), one.operands(), other.name(), other.operands());
            }
        }
    }

    private void checkOpen() {
        if (!refusal.isEmpty()) {
            throw new IllegalStateException(refusal);
        }
    }
}
