package dev.halcyon.backend.ascend;

import dev.halcyon.backend.ascend.graph.CapturedGraph;
import dev.halcyon.backend.ascend.memory.LastUse;
import dev.halcyon.backend.ascend.operators.AscendWork;
import dev.halcyon.hal.error.Failure;
import dev.halcyon.hal.error.HalException;
import dev.halcyon.hal.error.ResourceExhaustedException;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/// The recorded graphs of a device: one capture at a time, and no more of them than the device has
/// room for.
///
/// CANN runs out of streams and events with a few hundred graphs, and says so at whatever comes
/// next; counting them says it where it belongs. Usable from any thread.
final class GraphSlots {
    private static final int MOST = 256;

    private final AscendDevice device;
    private final List<Retired> retired = new ArrayList<>();
    private @Nullable MemorySegment captureStream;
    private int live;

    private record Retired(CapturedGraph graph, List<LastUse> uses) {
        boolean hasPassed() {
            return uses.stream().allMatch(LastUse::hasPassed);
        }
    }

    GraphSlots(AscendDevice device) {
        this.device = device;
    }

    /// {@return a recording of `work`; null if CANN cannot record}
    synchronized @Nullable CapturedGraph capture(AscendWork work) {
        AscendContext context = device.context();
        if (!context.runtime().canCapture()
                || work.isHostPlanned() && !context.runtime().canUpdate()) {
            return null;
        }
        context.makeCurrent();
        collect();
        if (live >= MOST) {
            throw new ResourceExhaustedException(
                    Failure.of(
                            device.description().id(),
                            "record",
                            live + " graphs are alive, as many as the device has room for",
                            "close or reset the arenas of graphs that are not needed"));
        }
        MemorySegment stream = captureStream;
        if (stream == null) {
            stream = device.createStream();
            captureStream = stream;
        }
        try {
            @Nullable CapturedGraph graph =
                    CapturedGraph.of(
                            work,
                            context.runtime(),
                            device.issuer(),
                            stream,
                            device.memory(),
                            (status, what) -> context.check(status, "record: " + what, ""));
            if (graph != null) {
                live++;
            }
            return graph;
        } catch (HalException failed) {
            // A stream whose capture was spoilt may not be fit for another.
            context.runtime().destroyStream(stream);
            captureStream = null;
            throw failed;
        }
    }

    /// Gives the operators of a graph what the host has published for them, before a replay.
    void update(CapturedGraph graph) {
        if (graph.updates().areCurrent()) {
            return;
        }
        graph.updates().awaitLastUse();
        synchronized (this) {
            AscendContext context = device.context();
            MemorySegment stream = captureStream;
            if (stream == null) {
                throw new IllegalStateException("a graph was recorded, so there is a stream");
            }
            graph.update(
                    context.runtime(),
                    device.issuer(),
                    stream,
                    (status, what) -> context.check(status, "replay: " + what, ""));
        }
    }

    /// Destroys a graph once its replays have passed.
    synchronized void give(CapturedGraph graph, List<LastUse> uses) {
        retired.add(new Retired(graph, uses));
        collect();
    }

    private void collect() {
        retired.removeIf(
                one -> {
                    if (!one.hasPassed()) {
                        return false;
                    }
                    destroy(one.graph());
                    return true;
                });
    }

    private void destroy(CapturedGraph graph) {
        device.context().makeCurrent();
        device.context().runtime().destroyGraph(graph.handle());
        device.memory().give(graph.memory(), List.of());
        live--;
    }

    /// Destroys what is left; nothing runs any more.
    synchronized void close() {
        retired.forEach(one -> destroy(one.graph()));
        retired.clear();
        if (captureStream != null) {
            device.context().runtime().destroyStream(captureStream);
        }
    }
}
