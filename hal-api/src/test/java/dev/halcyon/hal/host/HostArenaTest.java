package dev.halcyon.hal.host;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
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
import dev.halcyon.hal.Stream;
import dev.halcyon.hal.error.OutOfDeviceMemoryException;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.Shape;
import dev.halcyon.hal.memory.StepInput;
import dev.halcyon.hal.memory.Tensor;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicReference;

/// Memory goes stale as a whole, is reused, and stays where it is as long as work uses it.
final class HostArenaTest {
    private static final Scripted INCREMENT = Scripted.named("increment");

    private final InFlight flight = new InFlight();
    private final AtomicReference<Float> result = new AtomicReference<>(0f);
    private final Device device =
            FakeBackend.builder(DeviceOptions.defaults())
                    .kernel(
                            Scripted.Script.of(
                                    (vector, faults) -> {
                                        flight.pause();
                                        float value =
                                                vector.getAtIndex(ValueLayout.JAVA_FLOAT, 0) + 1;
                                        vector.setAtIndex(ValueLayout.JAVA_FLOAT, 0, value);
                                        result.set(value);
                                    }))
                    .build();

    @AfterEach
    void close() {
        flight.close();
        device.close();
    }

    @Test
    void handsOutAlignedMemoryAndCountsIt() {
        try (DeviceArena arena = device.arena("counted")) {
            assertEquals(device, arena.device());
            assertEquals("counted", arena.label());
            assertEquals(0, arena.bytesInUse());
            assertEquals(0, arena.bytesReserved());
            Tensor small = arena.tensor(DType.U8, 1);
            Tensor odd = arena.tensor(DType.F64, 9);
            Tensor empty = arena.tensor(DType.F32, 0);
            Tensor large = arena.tensor(DType.F32, 1 << 20);
            for (Tensor tensor : List.of(small, odd, empty, large)) {
                assertEquals(0, tensor.address() % 64);
                assertTrue(
                        tensor.isContiguous()
                                && tensor.buffer().isHostVisible()
                                && tensor.buffer().isWritable());
            }
            assertEquals(64 + 128 + 64 + (4 << 20), arena.bytesInUse());
            assertTrue(arena.bytesReserved() >= arena.bytesInUse());
            assertEquals(arena.bytesReserved(), device.counters().bytesReserved());
        }
        assertEquals(0, device.counters().bytesReserved());
        assertTrue(device.counters().peakBytesReserved() >= 4 << 20);
    }

    @Test
    void tensorsDoNotOverlap() {
        try (DeviceArena arena = device.arena("apart")) {
            Random random = new Random(3);
            List<Tensor> tensors = new ArrayList<>();
            for (int i = 0; i < 200; i++) {
                Tensor tensor = arena.tensor(DType.U8, random.nextInt(20_000));
                tensor.segment().fill((byte) i);
                tensors.add(tensor);
            }
            for (int i = 0; i < tensors.size(); i++) {
                byte expected = (byte) i;
                for (byte found : tensors.get(i).segment().toArray(ValueLayout.JAVA_BYTE)) {
                    assertEquals(expected, found);
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void whatAnArenaHandedOutIsStaleAfterResetAndAfterClose(boolean close) {
        DeviceArena arena = device.arena("short-lived");
        Tensor tensor = arena.tensor(DType.F32, 4);
        StepInput input = arena.stepInput(DType.F32, 4);
        long epoch = arena.epoch();
        if (close) {
            arena.close();
        } else {
            arena.reset();
        }
        assertNotEquals(epoch, arena.epoch());
        assertEquals(!close, arena.isAlive());
        assertFalse(tensor.isAlive());
        assertFalse(tensor.slice(0, 1, 2).isAlive());
        Expect.contains(tensor.toString(), "stale");
        try (Stream stream = device.stream("main")) {
            String[] words = {"arena \"short-lived\" is stale", "closed or reset"};
            Expect.thrown(IllegalStateException.class, tensor::segment, words);
            Expect.thrown(IllegalStateException.class, tensor::address, words);
            Expect.thrown(IllegalStateException.class, () -> tensor.get(0).segment(), words);
            Expect.thrown(IllegalStateException.class, input::next, words);
            Expect.thrown(IllegalStateException.class, () -> stream.fill(tensor, 1), words);
            Expect.thrown(
                    IllegalStateException.class, () -> stream.write(tensor, 1f, 2f, 3f, 4f), words);
            Expect.thrown(IllegalStateException.class, () -> stream.readFloats(tensor), words);
            Expect.thrown(IllegalStateException.class, () -> stream.copy(tensor, tensor), words);
            Expect.thrown(
                    IllegalStateException.class,
                    () -> stream.upload(tensor, MemorySegment.ofArray(new byte[16])),
                    words);
            Expect.thrown(
                    IllegalStateException.class,
                    () -> stream.download(MemorySegment.ofArray(new byte[16]), tensor),
                    words);
            // Mistakes of the caller: the stream goes on.
            stream.synchronize();
        }
        arena.close();
    }

    @Test
    void aClosedArenaRefusesEverythingAndClosesTwice() {
        DeviceArena arena = device.arena("gone");
        arena.close();
        arena.close();
        Expect.thrown(
                IllegalStateException.class,
                () -> arena.tensor(DType.F32, 1),
                "tensor",
                "\"gone\"",
                "closed");
        Expect.thrown(
                IllegalStateException.class,
                () -> arena.stepInput(DType.F32, 1),
                "\"gone\"",
                "closed");
        Expect.thrown(IllegalStateException.class, arena::reset, "reset", "\"gone\"", "closed");
        assertEquals(0, arena.bytesInUse());
        assertEquals(0, arena.bytesReserved());
    }

    @Test
    void aSegmentDiesWithItsArenaInsteadOfTheJvm() {
        DeviceArena arena = device.arena("dying");
        MemorySegment segment = arena.tensor(DType.F32, 4).segment();
        arena.close();
        assertFalse(segment.scope().isAlive());
        assertThrows(
                IllegalStateException.class, () -> segment.getAtIndex(ValueLayout.JAVA_FLOAT, 0));
    }

    @Test
    void aThousandStepsOfTheSameSizesTakeMemoryOnce() {
        long[] sizes = {1, 100, 70_000, 900, 5 << 20, 300_000, 64, 1 << 20, 262_144, 8};
        try (DeviceArena arena = device.arena("step")) {
            List<Long> first = addresses(arena, sizes);
            long reserved = arena.bytesReserved();
            for (int step = 0; step < 1000; step++) {
                arena.reset();
                assertEquals(0, arena.bytesInUse());
                assertEquals(first, addresses(arena, sizes));
                assertEquals(reserved, arena.bytesReserved());
            }
            assertEquals(reserved, device.counters().peakBytesReserved());
        }
    }

    private static List<Long> addresses(DeviceArena arena, long... sizes) {
        List<Long> addresses = new ArrayList<>();
        for (long size : sizes) {
            addresses.add(arena.tensor(DType.U8, size).address());
        }
        return addresses;
    }

    @Test
    void anotherOrderOfTheSameSizesAddsAtMostASlab() {
        List<Long> sizes =
                new ArrayList<>(
                        List.of(
                                1L, 100L, 70_000L, 5L << 20, 300_000L, 200_000L, 250_000L,
                                6L << 20));
        Random random = new Random(4);
        try (DeviceArena arena = device.arena("shuffled")) {
            sizes.forEach(size -> arena.tensor(DType.U8, size));
            long reserved = arena.bytesReserved();
            for (int step = 0; step < 1000; step++) {
                arena.reset();
                Collections.shuffle(sizes, random);
                sizes.forEach(size -> arena.tensor(DType.U8, size));
                assertTrue(arena.bytesReserved() <= reserved + (1 << 20), "step " + step);
            }
        }
    }

    @Test
    void sizesThatGrowWithEveryStepDoNotPileUp() {
        try (DeviceArena arena = device.arena("growing")) {
            for (int step = 1; step <= 60; step++) {
                long bytes = step * 400_000L;
                arena.tensor(DType.U8, bytes);
                arena.reset();
                arena.tensor(DType.U8, bytes);
                long most = 3 * (bytes + 64) + (1 << 20);
                assertTrue(
                        arena.bytesReserved() <= most,
                        "step " + step + ": " + arena.bytesReserved());
                arena.reset();
            }
        }
        assertEquals(0, device.counters().bytesReserved());
    }

    @Test
    void aResetDuringALaunchLeavesTheOldMemoryToIt() throws Throwable {
        DeviceArena launches = device.arena("launches");
        DeviceArena arena = device.arena("reset in flight");
        Tensor old = vector(arena, 41);
        MemorySegment oldMemory = old.segment();
        flight.start(submitting(launches, old));
        arena.reset();
        assertFalse(old.isAlive());
        Tensor fresh = vector(arena, 7);
        assertNotEquals(oldMemory.address(), fresh.address());
        // Once more, so that the launch is of two epochs ago.
        arena.reset();
        Tensor newest = vector(arena, 8);
        long during = device.counters().bytesReserved();
        assertTrue(oldMemory.scope().isAlive());
        flight.finish();
        assertEquals(42, result.get());
        assertEquals(8, newest.segment().getAtIndex(ValueLayout.JAVA_FLOAT, 0));
        assertFalse(oldMemory.scope().isAlive(), "the last work to leave releases it");
        assertTrue(device.counters().bytesReserved() < during);
        assertReusesItsMemory(arena);
        arena.close();
        launches.close();
        assertEquals(0, device.counters().bytesReserved());
    }

    @Test
    void aCloseDuringALaunchReleasesTheMemoryBehindIt() throws Throwable {
        DeviceArena launches = device.arena("launches");
        DeviceArena arena = device.arena("closed in flight");
        Tensor old = vector(arena, 41);
        MemorySegment oldMemory = old.segment();
        flight.start(submitting(launches, old));
        arena.close();
        launches.close();
        assertFalse(old.isAlive());
        assertTrue(oldMemory.scope().isAlive());
        assertTrue(device.counters().bytesReserved() > 0);
        flight.finish();
        assertEquals(42, result.get());
        assertFalse(oldMemory.scope().isAlive());
        assertEquals(0, device.counters().bytesReserved());
    }

    @Test
    void aResetThatWasOvertakenByNoWorkReusesTheMemory() throws Throwable {
        DeviceArena launches = device.arena("launches");
        try (DeviceArena arena = device.arena("idle")) {
            flight.start(submitting(launches, vector(launches, 0)));
            assertReusesItsMemory(arena);
            flight.finish();
        }
        launches.close();
    }

    private static void assertReusesItsMemory(DeviceArena arena) {
        arena.reset();
        long address = arena.tensor(DType.F32, 4).address();
        long reserved = arena.bytesReserved();
        arena.reset();
        assertEquals(address, arena.tensor(DType.F32, 4).address());
        assertEquals(reserved, arena.bytesReserved());
    }

    @Test
    void memoryThatATransferHoldsIsLeftToItToo() throws Throwable {
        DeviceArena arena = device.arena("read in flight");
        Tensor tensor = arena.tensor(DType.I32, 1 << 20);
        MemorySegment memory = tensor.segment();
        try (Stream stream = device.stream("main")) {
            stream.fill(tensor, 5);
        }
        flight.start(
                () -> {
                    ((HostBuffer) tensor.buffer()).enter();
                    flight.pause();
                    ((HostBuffer) tensor.buffer()).leave();
                    return null;
                });
        arena.reset();
        arena.tensor(DType.I32, 1 << 20).segment().fill((byte) 0);
        assertEquals(5, memory.getAtIndex(ValueLayout.JAVA_INT, 77));
        flight.finish();
        assertFalse(memory.scope().isAlive());
        arena.close();
    }

    private static Tensor vector(DeviceArena arena, float first) {
        Tensor vector = arena.tensor(DType.F32, 4);
        vector.segment().setAtIndex(ValueLayout.JAVA_FLOAT, 0, first);
        return vector;
    }

    private Callable<?> submitting(DeviceArena launches, Tensor vector) {
        Plan<Scripted.Args> plan = device.plan(INCREMENT);
        Launch launch =
                plan.bind(launches, new Scripted.Args(vector), device.workspace(launches, plan));
        return () -> {
            try (Stream stream = device.stream("in flight")) {
                stream.submit(launch);
                return null;
            }
        };
    }

    @ParameterizedTest
    @ValueSource(
            longs = {
                1L << 50,
                Long.MAX_VALUE,
                Long.MAX_VALUE - 1,
                Long.MAX_VALUE - 62,
                Long.MAX_VALUE - 70
            })
    void aSizeThatNoMachineHasIsOutOfMemoryAndTheDeviceGoesOn(long bytes) {
        try (DeviceArena arena = device.arena("greedy");
                Stream stream = device.stream("main")) {
            Tensor before = arena.tensor(DType.F32, 4);
            long reserved = arena.bytesReserved();
            long inUse = arena.bytesInUse();
            OutOfDeviceMemoryException refused =
                    Expect.thrown(
                            OutOfDeviceMemoryException.class,
                            () -> arena.tensor(DType.U8, bytes),
                            "fake:0",
                            "\"greedy\"",
                            " bytes left",
                            "close arenas");
            assertEquals("fake:0", refused.failure().device());
            assertEquals(reserved, arena.bytesReserved());
            assertEquals(inUse, arena.bytesInUse());
            Tensor after = arena.tensor(DType.F32, 4);
            stream.fill(before, 1);
            stream.fill(after, 2);
            assertArrayEquals(new float[] {1, 1, 1, 1}, stream.readFloats(before));
            assertArrayEquals(new float[] {2, 2, 2, 2}, stream.readFloats(after));
        }
    }

    @Test
    void moreBytesThanALongCountsAreOutOfMemoryToo() {
        try (DeviceArena arena = device.arena("greedy")) {
            Expect.thrown(
                    OutOfDeviceMemoryException.class,
                    () -> arena.tensor(DType.F64, Long.MAX_VALUE),
                    "F64 [9223372036854775807]",
                    "long");
            Expect.thrown(
                    OutOfDeviceMemoryException.class,
                    () -> arena.stepInput(DType.F32, 1L << 62),
                    "F32");
            assertTrue(arena.tensor(DType.F32, Shape.of(3)).isAlive());
        }
    }
}
