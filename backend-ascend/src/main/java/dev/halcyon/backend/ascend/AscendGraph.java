package dev.halcyon.backend.ascend;

import dev.halcyon.backend.ascend.graph.CapturedGraph;
import dev.halcyon.backend.ascend.operators.AscendWork;
import dev.halcyon.hal.Device;
import dev.halcyon.hal.Graph;
import dev.halcyon.hal.Recorder;
import dev.halcyon.hal.spi.GraphNode;
import dev.halcyon.hal.spi.GraphRecording;

import org.jspecify.annotations.Nullable;

import java.util.List;
import java.util.function.Consumer;

/// A recorded list of work, captured on the device; where CANN cannot capture, replaying gives the
/// stream the work one by one. The branches of a fork run one after the other.
final class AscendGraph implements Graph {
    private final AscendDevice device;
    private final GraphRecording<AscendWork> recording;
    private final AscendWork work;
    private final @Nullable CapturedGraph captured;

    private AscendGraph(
            AscendDevice device,
            GraphRecording<AscendWork> recording,
            AscendWork work,
            @Nullable CapturedGraph captured) {
        this.device = device;
        this.recording = recording;
        this.work = work;
        this.captured = captured;
    }

    static AscendGraph record(AscendDevice device, AscendArena home, Consumer<Recorder> body) {
        GraphRecording<AscendWork> recording =
                GraphRecording.of(device.belonging(), device::checkDeviceMemory, home, body);
        AscendWork work =
                AscendWork.inOrder(
                        recording.steps().stream().map(step -> work(device, step)).toList());
        CapturedGraph captured = work.tasks().isEmpty() ? null : device.capture(work);
        if (captured != null) {
            home.onRelease(() -> device.destroyGraph(captured, home.uses()));
        }
        return new AscendGraph(device, recording, work, captured);
    }

    private static AscendWork work(AscendDevice device, GraphNode<AscendWork> step) {
        return switch (step) {
            case GraphNode.Run<AscendWork> run -> run.launch().work();
            case GraphNode.Copy<AscendWork> copy ->
                    AscendWork.of(
                            BitTransfer.copy(device.platform(), copy.destination(), copy.source()));
            case GraphNode.Fill<AscendWork> fill ->
                    AscendWork.of(
                            BitTransfer.fill(device.platform(), fill.destination(), fill.value()));
            case GraphNode.Fork<AscendWork> _ -> AscendWork.inOrder(List.of());
        };
    }

    @Override
    public Device device() {
        return device;
    }

    @Override
    public int size() {
        return recording.steps().size();
    }

    GraphRecording<AscendWork> recording() {
        return recording;
    }

    AscendWork work() {
        return work;
    }

    @Nullable CapturedGraph captured() {
        return captured;
    }

    @Override
    public boolean isAlive() {
        return recording.arenas().areCurrent();
    }
}
