package dev.halcyon.hal.host;

import dev.halcyon.hal.Device;
import dev.halcyon.hal.Graph;
import dev.halcyon.hal.Recorder;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.spi.Belonging;
import dev.halcyon.hal.spi.GraphNode;
import dev.halcyon.hal.spi.GraphRecording;

import java.util.function.Consumer;

/// A recorded list of work, run in order; the branches of a fork run one after the other.
final class ListGraph implements Graph {
    private final HostDevice device;
    private final GraphRecording<HostWork> recording;
    private final GraphNode<HostWork>[] steps;

    @SuppressWarnings("unchecked")
    private ListGraph(HostDevice device, GraphRecording<HostWork> recording) {
        this.device = device;
        this.recording = recording;
        this.steps = recording.steps().toArray(GraphNode[]::new);
    }

    static ListGraph record(HostDevice device, DeviceArena home, Consumer<Recorder> body) {
        Belonging<HostWork> belonging = device.belonging();
        return new ListGraph(device, GraphRecording.of(belonging, belonging::check, home, body));
    }

    GraphRecording<HostWork> recording() {
        return recording;
    }

    @Override
    public Device device() {
        return device;
    }

    @Override
    public int size() {
        return steps.length;
    }

    @Override
    public boolean isAlive() {
        return recording.arenas().areCurrent();
    }

    /// Runs every node in order.
    void run(FaultSink faults) {
        for (GraphNode<HostWork> step : steps) {
            switch (step) {
                case GraphNode.Run<HostWork> run -> run.launch().work().run(faults);
                case GraphNode.Copy<HostWork> copy ->
                        StridedCopy.copy(copy.destination(), copy.source());
                case GraphNode.Fill<HostWork> fill ->
                        StridedCopy.fill(fill.destination(), fill.value());
                case GraphNode.Fork<HostWork> _ -> {}
            }
        }
    }
}
