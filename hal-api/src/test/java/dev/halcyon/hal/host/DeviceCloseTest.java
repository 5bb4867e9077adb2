package dev.halcyon.hal.host;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.halcyon.hal.Device;
import dev.halcyon.hal.DeviceOptions;
import dev.halcyon.hal.Expect;
import dev.halcyon.hal.FakeBackend;
import dev.halcyon.hal.InFlight;
import dev.halcyon.hal.Launch;
import dev.halcyon.hal.Scripted;
import dev.halcyon.hal.Scripted.Script;
import dev.halcyon.hal.Stream;
import dev.halcyon.hal.Warnings;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.Shape;
import dev.halcyon.hal.memory.WeightFormat;

import org.junit.jupiter.api.Test;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.FutureTask;
import java.util.logging.LogRecord;

/// Closing a device waits for its work, releases what is left and says what that was.
final class DeviceCloseTest {
    @Test
    void whatWasClosedInTimeIsNotMentioned() {
        try (Warnings warnings = new Warnings()) {
            try (Device device = FakeBackend.open();
                    DeviceArena arena = device.arena("closed");
                    Stream stream = device.stream("closed too")) {
                stream.fill(arena.tensor(DType.F32, 4), 1);
            }
            assertEquals(List.of(), warnings.messages());
        }
    }

    @Test
    void aLeakIsListedWithLabelAndBytes() {
        try (Warnings warnings = new Warnings()) {
            Device device = FakeBackend.open();
            DeviceArena arena = device.arena("forgotten {0}");
            MemorySegment memory = arena.tensor(DType.U8, 3 << 20).segment();
            Stream stream = device.stream("abandoned");
            device.close();
            LogRecord leak =
                    warnings.find(
                            "fake:0: arena \"forgotten {0}\" was not closed, 3145728 bytes",
                            "-Dhalcyon.trace=true");
            assertNull(leak.getThrown());
            warnings.find("fake:0: stream \"abandoned\" was not closed");
            assertEquals(2, warnings.messages().size());
            assertFalse(memory.scope().isAlive());
            assertFalse(arena.isAlive());
            assertThrows(IllegalStateException.class, stream::synchronize);
            assertEquals(0, device.counters().bytesReserved());
            device.close();
            assertEquals(2, warnings.messages().size());
        }
    }

    @Test
    void tracingAddsTheStackOfTheCreation() {
        try (Warnings warnings = new Warnings()) {
            Device device = new FakeBackend().open(0, DeviceOptions.defaults().withTracing());
            assertTrue(device.arena("forgotten").isAlive());
            assertNotNull(device.stream("abandoned"));
            device.close();
            for (String leak : List.of("arena \"forgotten\"", "stream \"abandoned\"")) {
                Throwable creation = warnings.find(leak).getThrown();
                assertTrue(
                        Arrays.stream(creation.getStackTrace())
                                .anyMatch(
                                        frame ->
                                                frame.getMethodName()
                                                        .equals(
                                                                "tracingAddsTheStackOfTheCreation")));
            }
            assertFalse(warnings.messages().toString().contains("halcyon.trace"));
        }
    }

    @Test
    void theWorkspaceOfAStreamIsNotTheUsersLeak() {
        try (Warnings warnings = new Warnings()) {
            Device device =
                    FakeBackend.builder(DeviceOptions.defaults())
                            .kernel(
                                    new Script(
                                            1,
                                            (spec, limits) ->
                                                    Script.planned(
                                                            spec, 100, (vector, faults) -> {})))
                            .build();
            try (DeviceArena arena = device.arena("operands")) {
                Stream stream = device.stream("abandoned");
                stream.run(Scripted.named("x"), new Scripted.Args(arena.tensor(DType.F32, 1)));
            }
            device.close();
            assertEquals(1, warnings.messages().size(), warnings.messages()::toString);
            assertEquals(0, device.counters().bytesReserved());
        }
    }

    @Test
    void everythingRegisteredIsClosedWhateverFails() {
        List<String> closed = new ArrayList<>();
        try (Warnings warnings = new Warnings()) {
            Device device =
                    FakeBackend.builder(DeviceOptions.defaults())
                            .onClose(
                                    () -> {
                                        throw new IllegalStateException("will not close");
                                    })
                            .onClose(() -> closed.add("second"))
                            .build();
            device.close();
            device.close();
            assertEquals(List.of("second"), closed);
            assertEquals(
                    "will not close",
                    warnings.find("fake:0: closing what was registered with onClose failed")
                            .getThrown()
                            .getMessage());
        }
    }

    @Test
    void nothingIsStoppedUnderARunningKernel() throws Throwable {
        List<String> order = new ArrayList<>();
        try (Warnings warnings = new Warnings();
                InFlight flight = new InFlight()) {
            Device device =
                    FakeBackend.builder(DeviceOptions.defaults())
                            .kernel(
                                    Script.of(
                                            (vector, faults) -> {
                                                flight.pause();
                                                vector.fill((byte) 1);
                                                order.add("kernel");
                                            }))
                            .onClose(() -> order.add("workers"))
                            .build();
            DeviceArena arena = device.arena("operands");
            Launch launch =
                    device.plan(Scripted.named("slow"))
                            .bind(
                                    arena,
                                    new Scripted.Args(arena.tensor(DType.F32, 1)),
                                    device.workspace(arena));
            Stream stream = device.stream("busy");
            flight.start(
                    () -> {
                        stream.submit(launch);
                        return null;
                    });
            FutureTask<Void> closing = new FutureTask<>(device::close, null);
            Thread.ofPlatform().start(closing);
            Thread.sleep(50);
            assertFalse(closing.isDone());
            flight.finish();
            closing.get();
            assertEquals(List.of("kernel", "workers"), order);
            assertEquals(0, device.counters().bytesReserved());
            warnings.find("stream \"busy\" was not closed");
        }
    }

    @Test
    void aClosedDeviceRefusesEverything() {
        Device device = FakeBackend.open();
        DeviceArena arena = device.arena("operands");
        arena.close();
        device.close();
        String[] words = {"device fake:0", "closed"};
        Expect.thrown(IllegalStateException.class, () -> device.arena("late"), words);
        Expect.thrown(IllegalStateException.class, () -> device.hostArena("late"), words);
        Expect.thrown(IllegalStateException.class, () -> device.stream("late"), words);
        Expect.thrown(
                IllegalStateException.class, () -> device.record(arena, recorder -> {}), words);
        Expect.thrown(
                IllegalStateException.class,
                () -> device.plan(Scripted.named("x"), dev.halcyon.hal.FallbackPolicy.NONE),
                words);
    }

    @Test
    void aDeviceWithoutLayoutsOfItsOwnKeepsWhatIsStored() {
        try (Device device = FakeBackend.open();
                DeviceArena arena = device.arena("operands")) {
            Shape shape = Shape.of(16, 32);
            WeightFormat stored = WeightFormat.rowMajor(DType.BF16);
            assertEquals(stored, device.preferred(shape, stored));
            assertTrue(device.cacheFormat(DType.BF16, 512, 64).isRowMajor());
            Expect.thrown(
                    IllegalArgumentException.class,
                    () -> device.allocatePacked(arena, shape, stored.withLayout("panels")),
                    "panels");
            assertArrayEquals(
                    new Object[] {"axpby.loop", "embedding.loop"},
                    device.implementations().toArray());
        }
    }
}
