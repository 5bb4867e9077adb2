package dev.halcyon.hal.host;

import dev.halcyon.hal.Device;
import dev.halcyon.hal.Graph;
import dev.halcyon.hal.Launch;
import dev.halcyon.hal.Recorder;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.spi.BoundLaunch;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;

/// A recorded list of work, run in order; the branches of a fork run one after the other.
final class ListGraph implements Graph {
    private final HostDevice device;
    private final Node[] nodes;
    private final HostArena[] arenas;
    private final long[] epochs;
    private final AtomicBoolean inFlight = new AtomicBoolean();

    /// One step of a graph.
    sealed interface Node {
        /// A kernel launch.
        record Run(BoundLaunch<HostWork> launch) implements Node {}

        /// A copy.
        record Copy(Tensor destination, Tensor source) implements Node {}

        /// A fill.
        record Fill(Tensor destination, double value) implements Node {}
    }

    private ListGraph(HostDevice device, List<Node> nodes, Set<HostArena> arenas) {
        this.device = device;
        this.nodes = nodes.toArray(Node[]::new);
        this.arenas = arenas.toArray(HostArena[]::new);
        this.epochs = new long[this.arenas.length];
        for (int i = 0; i < epochs.length; i++) {
            epochs[i] = this.arenas[i].epoch();
        }
    }

    static ListGraph record(HostDevice device, HostArena home, Consumer<Recorder> body) {
        Collector collector = new Collector(device);
        body.accept(collector);
        collector.finished = true;
        Set<HostArena> arenas = new LinkedHashSet<>();
        arenas.add(home);
        for (Node node : collector.nodes) {
            switch (node) {
                case Node.Run run -> {
                    for (int i = 0; i < run.launch().arenaCount(); i++) {
                        arenas.add((HostArena) run.launch().arena(i));
                    }
                }
                case Node.Copy copy -> {
                    arenas.add((HostArena) copy.destination().arena());
                    arenas.add((HostArena) copy.source().arena());
                }
                case Node.Fill fill -> arenas.add((HostArena) fill.destination().arena());
            }
        }
        return new ListGraph(device, collector.nodes, arenas);
    }

    @Override
    public Device device() {
        return device;
    }

    @Override
    public int size() {
        return nodes.length;
    }

    @Override
    public boolean isAlive() {
        return staleArena().isEmpty();
    }

    /// {@return the label of the first captured arena that is not as it was; empty if all are}
    String staleArena() {
        for (int i = 0; i < arenas.length; i++) {
            if (arenas[i].epoch() != epochs[i]) {
                return "\"" + arenas[i].label() + "\"";
            }
        }
        return "";
    }

    void enter() {
        if (!inFlight.compareAndSet(false, true)) {
            throw new IllegalStateException("this graph is in flight on another stream; record one graph per stream");
        }
        for (HostArena arena : arenas) {
            arena.memory().enter();
        }
    }

    void leave() {
        for (HostArena arena : arenas) {
            arena.memory().leave();
        }
        inFlight.set(false);
    }

    /// Runs every node, counting the launches.
    ///
    /// @return the number of launches
    int run(FaultSink faults) {
        int launches = 0;
        for (Node node : nodes) {
            switch (node) {
                case Node.Run run -> {
                    run.launch().work().run(faults);
                    launches++;
                }
                case Node.Copy copy -> StridedCopy.copy(copy.destination(), copy.source());
                case Node.Fill fill -> StridedCopy.fill(fill.destination(), fill.value());
            }
        }
        return launches;
    }

    /// Collects nodes while the recording lambda runs.
    private static final class Collector implements Recorder {
        private final HostDevice device;
        private final List<Node> nodes = new ArrayList<>();
        private boolean finished;

        Collector(HostDevice device) {
            this.device = device;
        }

        @Override
        public void submit(Launch launch) {
            checkOpen();
            BoundLaunch<HostWork> bound = device.own(launch);
            if (!bound.plan().support().capturable()) {
                throw new IllegalArgumentException(
                        bound.plan().spec().name() + " is not capturable; submit it beside the graph");
            }
            if (!bound.isAlive()) {
                throw new IllegalStateException("recording a stale launch of "
                        + bound.plan().spec().name() + ": arena \"" + bound.staleArena() + "\" is not as it was");
            }
            nodes.add(new Node.Run(bound));
        }

        @Override
        public void copy(Tensor destination, Tensor source) {
            checkOpen();
            device.checkOwn("copy", destination);
            device.checkOwn("copy", source);
            StridedCopy.checkAlike(destination, source);
            nodes.add(new Node.Copy(destination, source));
        }

        @Override
        public void fill(Tensor destination, double value) {
            checkOpen();
            device.checkOwn("fill", destination);
            nodes.add(new Node.Fill(destination, value));
        }

        @Override
        public void fork(List<Consumer<Recorder>> branches) {
            checkOpen();
            List<Set<Tensor>> workspaces = new ArrayList<>();
            for (Consumer<Recorder> branch : branches) {
                Collector inner = new Collector(device);
                branch.accept(inner);
                inner.finished = true;
                workspaces.add(inner.workspaces());
                nodes.addAll(inner.nodes);
            }
            checkDistinct(workspaces);
        }

        private Set<Tensor> workspaces() {
            Set<Tensor> used = new HashSet<>();
            for (Node node : nodes) {
                if (node instanceof Node.Run run && run.launch().plan().workspaceBytes() > 0) {
                    used.add(run.launch().workspace().storage());
                }
            }
            return used;
        }

        private static void checkDistinct(List<Set<Tensor>> workspaces) {
            Set<Tensor> seen = new HashSet<>();
            for (Set<Tensor> branch : workspaces) {
                for (Tensor workspace : branch) {
                    if (!seen.add(workspace)) {
                        throw new IllegalArgumentException(
                                "two branches of a fork share a workspace; give each branch its own");
                    }
                }
            }
        }

        private void checkOpen() {
            if (finished) {
                throw new IllegalStateException("this recorder was used after its recording ended");
            }
        }
    }
}
