package dev.halcyon.hal.host;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.halcyon.hal.Device;
import dev.halcyon.hal.DeviceOptions;
import dev.halcyon.hal.FakeBackend;
import dev.halcyon.hal.FallbackPolicy;
import dev.halcyon.hal.Graph;
import dev.halcyon.hal.Launch;
import dev.halcyon.hal.Plan;
import dev.halcyon.hal.Stream;
import dev.halcyon.hal.Warnings;
import dev.halcyon.hal.kernel.elementwise.Axpby;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.Tensor;

import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/// A flight recording shows every submit, replay, growth of an arena and fallback.
final class EventTest {
    @TempDir Path folder;

    @Test
    void aRecordingShowsWhatADeviceDid() throws IOException {
        List<RecordedEvent> events = record(EventTest::work);
        RecordedEvent submit = only(events, "dev.halcyon.Submit");
        assertEquals("fake:0", submit.getString("device"));
        assertEquals("main", submit.getString("stream"));
        assertEquals("Axpby", submit.getString("kernel"));
        assertEquals("axpby.loop", submit.getString("implementation"));
        assertEquals(3 * 2 * 4, submit.getDouble("flops"));
        assertEquals(3 * 2 * 4 * 4, submit.getDouble("bytes"));
        assertFalse(submit.getDuration().isNegative());
        assertEquals(Thread.currentThread().threadId(), submit.getThread().getJavaThreadId());
        assertEquals(List.of("Halcyon"), submit.getEventType().getCategoryNames());
        RecordedEvent replay = only(events, "dev.halcyon.Replay");
        assertEquals("fake:0", replay.getString("device"));
        assertEquals("main", replay.getString("stream"));
        assertEquals(3, replay.getInt("nodes"));
        List<RecordedEvent> growth = named(events, "dev.halcyon.Arena");
        assertEquals(2, growth.size());
        assertEquals("operands", growth.get(1).getString("label"));
        assertEquals(4 << 20, growth.get(1).getLong("bytes"));
        assertEquals(
                growth.get(0).getLong("bytes") + (4 << 20), growth.get(1).getLong("reservedBytes"));
        assertEquals("fake:0", growth.get(1).getString("device"));
    }

    private static void work() {
        try (Device device = FakeBackend.open();
                DeviceArena arena = device.arena("operands");
                Stream stream = device.stream("main")) {
            Tensor x = arena.tensor(DType.F32, 2, 4);
            Plan<Axpby.Args> plan = device.plan(Axpby.add(8, 4, DType.F32));
            Launch launch = plan.bind(arena, Axpby.Args.of(x, x, x), device.workspace(arena, plan));
            stream.submit(launch);
            Graph graph =
                    device.record(
                            arena,
                            recorder -> {
                                recorder.fill(x, 0);
                                recorder.submit(launch);
                                recorder.submit(launch);
                            });
            stream.replay(graph);
            arena.tensor(DType.U8, 4 << 20);
        }
    }

    @Test
    void aRecordingShowsFallbacks() throws IOException {
        List<RecordedEvent> events = record(EventTest::fallBack);
        RecordedEvent fallback = only(events, "dev.halcyon.Fallback");
        assertEquals("bare:0", fallback.getString("device"));
        assertEquals("fake:0", fallback.getString("target"));
        assertEquals("Axpby", fallback.getString("kernel"));
        assertTrue(fallback.getString("reason").contains("NO_KERNEL"));
        assertEquals(2, named(events, "dev.halcyon.Submit").size(), "one on either device");
    }

    private static void fallBack() {
        try (Warnings warnings = new Warnings();
                Device target = FakeBackend.open();
                Device bare = FallbackTest.bare(DeviceOptions.defaults());
                DeviceArena arena = bare.arena("operands");
                Stream stream = bare.stream("main")) {
            Tensor x = arena.tensor(DType.F32, 2, 4);
            Plan<Axpby.Args> plan =
                    bare.plan(Axpby.add(8, 4, DType.F32), FallbackPolicy.allow(target));
            stream.submit(plan.bind(arena, Axpby.Args.of(x, x, x), bare.workspace(arena, plan)));
            assertEquals(1, warnings.messages().size());
        }
    }

    private List<RecordedEvent> record(Runnable work) throws IOException {
        Path file = folder.resolve("halcyon.jfr");
        try (Recording recording = new Recording()) {
            for (String event : List.of("Submit", "Replay", "Arena", "Fallback")) {
                recording.enable("dev.halcyon." + event).withoutThreshold().withoutStackTrace();
            }
            recording.start();
            work.run();
            recording.stop();
            recording.dump(file);
        }
        return RecordingFile.readAllEvents(file);
    }

    private static List<RecordedEvent> named(List<RecordedEvent> events, String name) {
        return events.stream()
                .filter(event -> event.getEventType().getName().equals(name))
                .toList();
    }

    private static RecordedEvent only(List<RecordedEvent> events, String name) {
        List<RecordedEvent> found = named(events, name);
        assertEquals(1, found.size(), name);
        return found.getFirst();
    }
}
