package dev.halcyon.hal.host;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.halcyon.hal.Device;
import dev.halcyon.hal.DeviceOptions;
import dev.halcyon.hal.Expect;
import dev.halcyon.hal.FakeBackend;
import dev.halcyon.hal.InFlight;
import dev.halcyon.hal.Launch;
import dev.halcyon.hal.Plan;
import dev.halcyon.hal.Scripted;
import dev.halcyon.hal.Scripted.Script;
import dev.halcyon.hal.Stream;
import dev.halcyon.hal.Timepoint;
import dev.halcyon.hal.error.DeviceExecutionException;
import dev.halcyon.hal.error.Failure;
import dev.halcyon.hal.error.UnsupportedKernelException;
import dev.halcyon.hal.kernel.elementwise.Axpby;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.Tensor;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;

/// A stream does one thing after the other, on the thread that has it.
final class StreamTest {
    private static final Scripted PAUSE = Scripted.named("pause");

    private final InFlight flight = new InFlight();
    private final Device device =
            FakeBackend.builder(DeviceOptions.defaults().withTracing())
                    .kernel(
                            Script.of(
                                    (vector, faults) -> {
                                        if (vector.getAtIndex(ValueLayout.JAVA_FLOAT, 0) < 0) {
                                            flight.pause();
                                        }
                                        vector.setAtIndex(
                                                ValueLayout.JAVA_FLOAT,
                                                0,
                                                2 * vector.getAtIndex(ValueLayout.JAVA_FLOAT, 0));
                                    }))
                    .build();
    private final DeviceArena arena = device.arena("operands");
    private final Stream stream = device.stream("main");

    @AfterEach
    void close() {
        flight.close();
        stream.close();
        arena.close();
        device.close();
    }

    private Launch launch(Tensor vector) {
        Plan<Scripted.Args> plan = device.plan(PAUSE);
        return plan.bind(arena, new Scripted.Args(vector), device.workspace(arena, plan));
    }

    private Tensor vector(float first) {
        Tensor vector = arena.tensor(DType.F32, 1);
        stream.write(vector, first);
        return vector;
    }

    @Test
    void worksInOrder() {
        Tensor vector = vector(1);
        Tensor copy = arena.tensor(DType.F32, 1);
        Launch launch = launch(vector);
        stream.submit(launch);
        stream.copy(copy, vector);
        stream.submit(launch);
        stream.submit(launch);
        assertArrayEquals(new float[] {2}, stream.readFloats(copy));
        assertArrayEquals(new float[] {8}, stream.readFloats(vector));
        stream.fill(vector, 5);
        stream.submit(launch);
        assertArrayEquals(new float[] {10}, stream.readFloats(vector));
        assertEquals(4, device.counters().submits());
        assertSame(device, stream.device());
        assertEquals("main", stream.label());
    }

    @Test
    void marksGrowAndAreReached() {
        Timepoint before = stream.mark();
        stream.submit(launch(vector(1)));
        Timepoint after = stream.mark();
        assertTrue(before.sequence() < after.sequence());
        assertTrue(after.reached() && after.await(Duration.ZERO));
        assertSame(stream, after.stream());
        try (Stream other = device.stream("other")) {
            other.waitFor(after);
            other.synchronize();
        }
    }

    /// A point on a device of another kind, where waiting takes time and may fail.
    private record FarPoint(Stream stream, boolean comes, @Nullable RuntimeException failure)
            implements Timepoint {
        @Override
        public long sequence() {
            return 1;
        }

        @Override
        public boolean reached() {
            return false;
        }

        @Override
        public boolean await(Duration timeout) {
            assertTrue(timeout.compareTo(Duration.ofDays(1000)) > 0);
            if (failure != null) {
                throw failure;
            }
            return comes;
        }
    }

    @Test
    void waitsForPointsOfDevicesOfAnyKind() {
        stream.waitFor(new FarPoint(stream, true, null));
        Expect.thrown(
                IllegalStateException.class,
                () -> stream.waitFor(new FarPoint(stream, false, null)),
                "never reached");
        DeviceExecutionException far =
                new DeviceExecutionException(Failure.of("far:0", "submit", "broke", ""));
        assertSame(
                far,
                assertThrows(
                        DeviceExecutionException.class,
                        () -> stream.waitFor(new FarPoint(stream, false, far))));
        stream.synchronize();
    }

    @Test
    void runPlansBindsAndSubmits() {
        Tensor x = arena.tensor(DType.F32, 2, 2);
        Tensor out = arena.tensor(DType.F32, 2, 2);
        stream.write(x, 1f, 2f, 3f, 4f);
        stream.run(Axpby.add(2, 2, DType.F32).withFactors(2, -0.5), Axpby.Args.of(x, x, out));
        assertArrayEquals(new float[] {1.5f, 3, 4.5f, 6}, stream.readFloats(out));
        stream.run(Axpby.add(2, 2, DType.F32), Axpby.Args.of(x, out, out));
        assertArrayEquals(new float[] {2.5f, 5, 7.5f, 10}, stream.readFloats(out));
        Tensor doubles = arena.tensor(DType.F64, 2, 2);
        assertThrows(
                UnsupportedKernelException.class,
                () ->
                        stream.run(
                                Axpby.add(2, 2, DType.F64),
                                Axpby.Args.of(doubles, doubles, doubles)));
        stream.synchronize();
    }

    @Test
    void mistakesOfTheCallerLeaveTheStreamAsItWas() {
        Tensor vector = vector(1);
        assertThrows(IllegalArgumentException.class, () -> stream.write(vector, 1f, 2f));
        assertThrows(
                IllegalArgumentException.class,
                () -> stream.copy(vector, arena.tensor(DType.F64, 1)));
        DeviceArena gone = device.arena("gone");
        Launch stale =
                device.plan(PAUSE).bind(gone, new Scripted.Args(vector), device.workspace(arena));
        gone.close();
        Expect.thrown(
                IllegalStateException.class,
                () -> stream.submit(stale),
                "stale launch of pause",
                "arena \"gone\" was closed or reset after bind",
                "bind it again");
        stream.submit(launch(vector));
        assertArrayEquals(new float[] {2}, stream.readFloats(vector));
    }

    @Test
    void whatBelongsToAnotherDeviceIsRefused() {
        try (Device foreign =
                        FakeBackend.builder(DeviceOptions.defaults())
                                .kernel(Script.of((vector, faults) -> {}))
                                .build();
                DeviceArena abroad = foreign.arena("abroad");
                Stream elsewhere = foreign.stream("elsewhere")) {
            Launch launch = launch(vector(1));
            Expect.thrown(IllegalStateException.class, () -> elsewhere.submit(launch), "fake:0");
            Tensor far = abroad.tensor(DType.F32, 1);
            Expect.thrown(
                    IllegalArgumentException.class, () -> stream.fill(far, 1), "fill", "fake:0");
            assertThrows(IllegalArgumentException.class, () -> stream.write(far, 1f));
            assertThrows(IllegalArgumentException.class, () -> stream.readFloats(far));
            assertThrows(
                    IllegalArgumentException.class,
                    () -> stream.upload(far, MemorySegment.ofArray(new byte[4])));
            assertThrows(
                    IllegalArgumentException.class,
                    () -> stream.download(MemorySegment.ofArray(new byte[4]), far));
            elsewhere.copy(far, vector(6));
            assertArrayEquals(new float[] {6}, elsewhere.readFloats(far));
            stream.waitFor(elsewhere.mark());
        }
    }

    @Test
    void aClosedStreamRefusesEverythingAndClosesTwice() {
        Launch launch = launch(vector(1));
        Tensor vector = vector(1);
        stream.close();
        stream.close();
        String[] words = {"stream \"main\"", "closed"};
        Expect.thrown(IllegalStateException.class, () -> stream.submit(launch), words);
        Expect.thrown(IllegalStateException.class, () -> stream.fill(vector, 1), words);
        Expect.thrown(IllegalStateException.class, () -> stream.readFloats(vector), words);
        Expect.thrown(
                IllegalStateException.class,
                () -> stream.run(PAUSE, new Scripted.Args(vector)),
                words);
        Expect.thrown(IllegalStateException.class, stream::synchronize, words);
        Expect.thrown(IllegalStateException.class, stream::mark, words);
        assertEquals(0, device.counters().submits());
    }

    @Test
    void aVirtualThreadIsRefusedWithTheRemedy() throws InterruptedException {
        Tensor vector = vector(1);
        Launch launch = launch(vector);
        String[] words = {"virtual thread", "Thread.ofPlatform()"};
        onThread(
                Thread.ofVirtual(),
                () -> {
                    Expect.thrown(
                            IllegalStateException.class, () -> device.stream("virtual"), words);
                    Expect.thrown(IllegalStateException.class, () -> stream.submit(launch), words);
                    Expect.thrown(IllegalStateException.class, () -> stream.fill(vector, 1), words);
                    Expect.thrown(IllegalStateException.class, stream::synchronize, words);
                });
        assertArrayEquals(new float[] {1}, stream.readFloats(vector));
    }

    private static void onThread(Thread.Builder builder, Runnable work)
            throws InterruptedException {
        FutureTask<Void> task = new FutureTask<>(work, null);
        builder.start(task);
        try {
            task.get();
        } catch (ExecutionException failed) {
            throw new AssertionError(failed.getCause());
        }
    }

    @Test
    void handingAStreamOverIsLegalWhateverTheOtherThreadDoesNext() throws InterruptedException {
        Tensor vector = vector(1);
        Launch launch = launch(vector);
        // This thread goes on running, and with the arena, while the other has the stream.
        onThread(
                Thread.ofPlatform(),
                () -> {
                    stream.submit(launch);
                    arena.tensor(DType.F32, 1);
                });
        stream.submit(launch);
        assertArrayEquals(new float[] {4}, stream.readFloats(vector));
    }

    @Test
    void tracedModeRefusesTwoThreadsInOneStream() throws Throwable {
        Launch launch = launch(vector(-1));
        Tensor vector = vector(1);
        flight.start(
                () -> {
                    stream.submit(launch);
                    return null;
                });
        Expect.thrown(
                IllegalStateException.class,
                () -> stream.fill(vector, 2),
                "fill on stream \"main\"",
                "\"" + Thread.currentThread().getName() + "\"",
                "\"in-flight\" is inside it",
                "one thread at a time");
        flight.finish();
        stream.fill(vector, 2);
    }

    @Test
    void aLaunchIsInFlightOnOneStreamAtATime() throws Throwable {
        Tensor vector = vector(-1);
        Launch launch = launch(vector);
        flight.start(
                () -> {
                    try (Stream first = device.stream("first")) {
                        first.submit(launch);
                        return null;
                    }
                });
        Expect.thrown(
                IllegalStateException.class,
                () -> stream.submit(launch),
                "launch of pause is in flight on another stream",
                "bind one launch per stream");
        flight.finish();
        stream.submit(launch);
        assertArrayEquals(new float[] {-4}, stream.readFloats(vector));
    }

    @Test
    void closingAStreamWaitsForItsWork() throws Throwable {
        Launch launch = launch(vector(-1));
        flight.start(
                () -> {
                    stream.submit(launch);
                    return null;
                });
        FutureTask<Boolean> closing =
                new FutureTask<>(
                        () -> {
                            stream.close();
                            return flight.isOver();
                        });
        Thread.ofPlatform().start(closing);
        Thread.sleep(50);
        assertTrue(!closing.isDone());
        flight.finish();
        closing.get();
    }
}
