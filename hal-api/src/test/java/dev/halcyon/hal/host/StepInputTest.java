package dev.halcyon.hal.host;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.halcyon.hal.Device;
import dev.halcyon.hal.Expect;
import dev.halcyon.hal.FakeBackend;
import dev.halcyon.hal.Graph;
import dev.halcyon.hal.Launch;
import dev.halcyon.hal.Plan;
import dev.halcyon.hal.Stream;
import dev.halcyon.hal.kernel.elementwise.Embedding;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.StepInput;
import dev.halcyon.hal.memory.Tensor;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// What the host writes is seen when it is published, and by what comes after.
final class StepInputTest {
    private final Device device = FakeBackend.open();
    private final DeviceArena arena = device.arena("step");
    private final Stream stream = device.stream("main");

    @AfterEach
    void close() {
        stream.close();
        arena.close();
        device.close();
    }

    private void publish(StepInput input, int value) {
        input.next().setAtIndex(ValueLayout.JAVA_INT, 0, value);
        stream.publish(input);
    }

    @Test
    void isSeenByLaterSubmitsAndReplaysOnly() {
        StepInput id = arena.stepInput(DType.I32, 1);
        Tensor table = arena.tensor(DType.F32, 4, 1);
        Tensor out = arena.tensor(DType.F32, 1, 1);
        stream.write(table, 10f, 11f, 12f, 13f);
        Plan<Embedding.Args> plan = device.plan(Embedding.of(1, 4, 1, DType.F32));
        Launch launch =
                plan.bind(
                        arena,
                        Embedding.Args.of(id.tensor(), table, out),
                        device.workspace(arena, plan));
        Graph graph = device.record(arena, recorder -> recorder.submit(launch));
        publish(id, 1);
        stream.submit(launch);
        assertArrayEquals(new float[] {11}, stream.readFloats(out));
        id.next().setAtIndex(ValueLayout.JAVA_INT, 0, 3);
        stream.submit(launch);
        assertArrayEquals(new float[] {11}, stream.readFloats(out), "written, not published");
        stream.publish(id);
        assertArrayEquals(
                new float[] {11}, stream.readFloats(out), "published, nothing submitted since");
        stream.replay(graph);
        assertArrayEquals(new float[] {13}, stream.readFloats(out));
        for (int step = 0; step < 20; step++) {
            publish(id, step % 4);
            stream.replay(graph);
            assertArrayEquals(new float[] {10 + step % 4}, stream.readFloats(out));
        }
    }

    @Test
    void publishingNeedsANewVersion() {
        StepInput input = arena.stepInput(DType.I32, 1);
        Expect.thrown(
                IllegalStateException.class,
                () -> stream.publish(input),
                "without a new version",
                "next()");
        publish(input, 5);
        Expect.thrown(
                IllegalStateException.class, () -> stream.publish(input), "without a new version");
        stream.synchronize();
        assertEquals(5, stream.readInts(input.tensor())[0]);
    }

    @Test
    void theSameVersionIsHandedOutUntilItIsPublished() {
        StepInput input = arena.stepInput(DType.I32, 2);
        MemorySegment version = input.next();
        assertEquals(8, version.byteSize());
        version.setAtIndex(ValueLayout.JAVA_INT, 1, 9);
        assertEquals(9, input.next().getAtIndex(ValueLayout.JAVA_INT, 1));
    }

    @Test
    void thePublishedVersionIsReadAndNotWritten() {
        StepInput input = arena.stepInput(DType.I32, 1);
        Expect.thrown(
                IllegalStateException.class,
                input::published,
                "nothing has been published",
                "stream.publish");
        publish(input, 5);
        input.next().setAtIndex(ValueLayout.JAVA_INT, 0, 6);
        assertEquals(5, input.published().get(ValueLayout.JAVA_INT, 0));
        assertTrue(input.published().isReadOnly());
        assertThrows(
                IllegalArgumentException.class,
                () -> input.published().set(ValueLayout.JAVA_INT, 0, 1));
        stream.publish(input);
        assertEquals(6, input.published().get(ValueLayout.JAVA_INT, 0));
    }

    @Test
    void belongsToItsDeviceAndItsArena() {
        StepInput input = arena.stepInput(DType.I32, 1);
        input.next();
        try (Device other = FakeBackend.open();
                Stream elsewhere = other.stream("elsewhere")) {
            Expect.thrown(
                    IllegalArgumentException.class,
                    () -> elsewhere.publish(input),
                    "another device");
        }
        arena.reset();
        Expect.thrown(IllegalStateException.class, () -> stream.publish(input), "stale");
        Expect.thrown(IllegalStateException.class, input::next, "stale");
        stream.synchronize();
    }
}
