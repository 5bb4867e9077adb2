package dev.halcyon.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.halcyon.hal.Device;
import dev.halcyon.hal.DeviceOptions;
import dev.halcyon.hal.Graph;
import dev.halcyon.hal.Launch;
import dev.halcyon.hal.Plan;
import dev.halcyon.hal.Stream;
import dev.halcyon.hal.Timepoint;
import dev.halcyon.hal.error.DeviceExecutionException;
import dev.halcyon.hal.error.HalException;
import dev.halcyon.hal.error.UnsupportedKernelException;
import dev.halcyon.hal.kernel.elementwise.Axpby;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.StepInput;
import dev.halcyon.hal.memory.Tensor;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Predicate;

/// Life cycle, order of calls and failures, against the stub.
class CudaDeviceTest {
    private static final List<String> KINDS =
            List.of(
                    "allocations",
                    "pinned",
                    "streams",
                    "events",
                    "graphs",
                    "executables",
                    "modules",
                    "pools",
                    "contexts");

    private final StubLibrary stub = StubLibrary.withKernelsOrSkip();

    /// What a lost device could not give back stays alive in the stub.
    private final Map<String, Integer> aliveBefore = new HashMap<>();

    @BeforeEach
    void resetStub() {
        stub.reset();
        KINDS.forEach(kind -> aliveBefore.put(kind, stub.alive(kind)));
    }

    private static Launch add(Device device, DeviceArena arena, Tensor x, Tensor out) {
        Plan<Axpby.Args> plan = device.plan(Axpby.add(8, 4, DType.F32));
        return plan.bind(arena, Axpby.Args.of(x, x, out), device.workspace(arena, plan));
    }

    private void assertNothingIsAlive() {
        for (String kind : KINDS) {
            assertEquals(aliveBefore.get(kind), stub.alive(kind), kind);
        }
    }

    @Test
    void givesEverythingBackWhenItCloses() {
        try (Device device = StubProvider.open();
                Stream stream = device.stream("work");
                DeviceArena arena = device.arena("memory");
                DeviceArena pinned = device.hostArena("pinned")) {
            Tensor x = arena.tensor(DType.F32, 8, 4);
            Tensor out = pinned.tensor(DType.F32, 8, 4);
            stream.fill(x, 1.5);
            Launch launch = add(device, arena, x, out);
            Graph graph = device.record(arena, recorder -> recorder.submit(launch));
            StepInput input = arena.stepInput(DType.I32, 1);
            input.next().set(ValueLayout.JAVA_INT, 0, 1);
            stream.publish(input);
            stream.replay(graph);
            Timepoint end = stream.mark();
            assertTrue(end.await(Duration.ofSeconds(5)));
            assertEquals(3, out.segment().get(ValueLayout.JAVA_FLOAT, 4));
        }
        assertNothingIsAlive();
    }

    @Test
    void takesPlainMemoryOfADeviceWithoutPools() {
        stub.set("pools", 0);
        try (Device device = StubProvider.open();
                Stream stream = device.stream("work");
                DeviceArena arena = device.arena("memory")) {
            stub.takeRecord();
            Tensor large = arena.tensor(DType.F32, 2 << 20);
            assertTrue(stub.takeRecord().contains("cuMemAlloc_v2(8388608)"));
            stream.fill(large, 2);
            assertEquals(2, stream.readFloats(large)[1]);
        }
        assertNothingIsAlive();
    }

    @Test
    void keepsWhatItsPoolHas() {
        stub.takeRecord();
        StubProvider.open().close();
        List<String> calls = stub.takeRecord();
        // Device memory on device 0; a threshold of 2^64 - 1.
        assertTrue(calls.contains("cuMemPoolCreate(1, 1, 0)"), calls.toString());
        assertTrue(calls.contains("cuMemPoolSetAttribute(4, ffffffffffffffff)"), calls.toString());
    }

    @Test
    void givesAGraphThatIsRecordedAgainNewParameters() {
        try (Device device = StubProvider.open();
                Stream stream = device.stream("work");
                DeviceArena values = device.arena("values");
                DeviceArena perStep = device.arena("per step")) {
            Tensor x = values.tensor(DType.F32, 4);
            for (int step = 1; step <= 3; step++) {
                double value = step;
                stub.takeRecord();
                Graph graph = device.record(perStep, recorder -> recorder.fill(x, value));
                List<String> calls = stub.takeRecord();
                assertEquals(step > 1, calls.contains("cuGraphExecUpdate_v2()"), calls.toString());
                assertEquals(
                        step == 1,
                        calls.contains("cuGraphInstantiateWithFlags(0)"),
                        calls.toString());
                stream.replay(graph);
                assertEquals(step, stream.readFloats(x)[0]);
                perStep.reset();
                stream.synchronize();
            }
            // Another shape of the same size is instantiated, and the spare waits for one like it.
            Graph other =
                    device.record(
                            perStep, recorder -> recorder.copy(x, values.tensor(DType.F32, 4)));
            assertTrue(stub.takeRecord().contains("cuGraphInstantiateWithFlags(0)"));
            stream.replay(other);
            stream.synchronize();
        }
        assertNothingIsAlive();
    }

    @Test
    void closesWhatItsOwnerForgot() {
        Device device = StubProvider.open();
        DeviceArena arena = device.arena("forgotten");
        Stream stream = device.stream("forgotten");
        stream.fill(arena.tensor(DType.F32, 4), 1);
        device.close();
        assertNothingIsAlive();
        assertThrows(IllegalStateException.class, () -> arena.tensor(DType.F32, 1));
        assertThrows(IllegalStateException.class, stream::synchronize);
    }

    @Test
    void waitsForWorkBeforeItFreesMemory() {
        stub.set("lazy", 1);
        try (Device device = StubProvider.open();
                Stream stream = device.stream("work")) {
            DeviceArena arena = device.arena("short-lived");
            // More than a slab, so that closing gives it back to the driver.
            Tensor large = arena.tensor(DType.U8, 16 << 20);
            stream.fill(large, 1);
            stream.fill(large, 2);
            int before = stub.alive("allocations");
            stub.takeRecord();
            arena.close();
            assertFalse(
                    stub.takeRecord().contains("cuMemFreeAsync()"),
                    "memory was freed under the work that uses it");
            assertEquals(before, stub.alive("allocations"));
            stream.synchronize();
            assertEquals(before - 1, stub.alive("allocations"));
        }
        assertNothingIsAlive();
    }

    @Test
    void letsAnotherStreamWaitForMemoryThatWasReset() {
        stub.set("lazy", 1);
        try (Device device = StubProvider.open();
                Stream first = device.stream("first");
                Stream second = device.stream("second");
                DeviceArena arena = device.arena("per step")) {
            Tensor before = arena.tensor(DType.F32, 4);
            long address = before.address();
            first.fill(before, 1);
            arena.reset();
            Tensor after = arena.tensor(DType.F32, 4);
            assertEquals(address, after.address());
            stub.takeRecord();
            second.fill(after, 2);
            assertTrue(
                    stub.takeRecord().contains("cuStreamWaitEvent(0)"),
                    "the second stream does not wait for the first");
            assertArrayEquals(new float[] {2, 2, 2, 2}, second.readFloats(after));
        }
    }

    @Test
    void takesOtherPinnedMemoryWhileTheOldIsRead() {
        stub.set("lazy", 1);
        try (Device device = StubProvider.open();
                Stream stream = device.stream("work");
                DeviceArena pinned = device.hostArena("pinned");
                DeviceArena arena = device.arena("device")) {
            Tensor source = pinned.tensor(DType.I32, 1);
            source.segment().set(ValueLayout.JAVA_INT, 0, 5);
            Tensor seen = arena.tensor(DType.I32, 1);
            stream.copy(seen, source);
            pinned.reset();
            pinned.tensor(DType.I32, 1).segment().set(ValueLayout.JAVA_INT, 0, 6);
            assertArrayEquals(new int[] {5}, stream.readInts(seen));
        }
    }

    @Test
    void makesItsContextThatOfEveryThread() throws InterruptedException {
        try (Device device = StubProvider.open();
                DeviceArena arena = device.arena("memory")) {
            Tensor tensor = arena.tensor(DType.F32, 4);
            stub.takeRecord();
            AtomicReference<Throwable> failed = new AtomicReference<>();
            Thread other =
                    Thread.ofPlatform()
                            .start(
                                    () -> {
                                        try (Stream stream = device.stream("elsewhere")) {
                                            stream.fill(tensor, 1);
                                            stream.synchronize();
                                        } catch (RuntimeException | Error thrown) {
                                            failed.set(thrown);
                                        }
                                    });
            other.join();
            if (failed.get() != null) {
                throw new AssertionError(failed.get());
            }
            List<String> calls = stub.takeRecord();
            assertEquals("cuCtxSetCurrent(primary)", calls.getFirst());
            assertEquals(1, calls.stream().filter(calls.getFirst()::equals).count());
        }
    }

    @Test
    void submitsWithoutAskingTheDriverForAnythingElse() {
        try (Device device = StubProvider.open();
                Stream stream = device.stream("work");
                DeviceArena arena = device.arena("memory")) {
            Tensor x = arena.tensor(DType.F32, 8, 4);
            Launch launch = add(device, arena, x, arena.tensor(DType.F32, 8, 4));
            stream.submit(launch);
            stub.takeRecord();
            stream.submit(launch);
            assertEquals(
                    List.of("cuLaunchKernel(axpby_f32, 1x1x1, 256x1x1, 0)"), stub.takeRecord());
        }
    }

    @Test
    void findsRoomInWhatWasClosed() {
        stub.set("memory", 64L << 20);
        stub.set("lazy", 1);
        try (Device device = StubProvider.open();
                Stream stream = device.stream("work")) {
            DeviceArena first = device.arena("first");
            stream.fill(first.tensor(DType.U8, 40 << 20), 1);
            first.close();
            try (DeviceArena second = device.arena("second")) {
                stream.fill(second.tensor(DType.U8, 40 << 20), 1);
            }
        }
    }

    @Test
    void endsACaptureThatFailed() {
        try (Device device = StubProvider.open();
                Stream stream = device.stream("work");
                DeviceArena arena = device.arena("memory")) {
            Tensor x = arena.tensor(DType.F32, 8, 4);
            Launch launch = add(device, arena, x, arena.tensor(DType.F32, 8, 4));
            stub.fail("cuLaunchKernel", 0, 701);
            assertThrows(
                    HalException.class,
                    () -> device.record(arena, recorder -> recorder.submit(launch)));
            Graph graph = device.record(arena, recorder -> recorder.submit(launch));
            stream.replay(graph);
            stream.synchronize();
        }
        assertNothingIsAlive();
    }

    @Test
    void recordsOnlyWhatACaptureAllows() {
        try (Device device = StubProvider.open();
                DeviceArena arena = device.arena("memory")) {
            Tensor a = arena.tensor(DType.F32, 8, 4);
            Tensor b = arena.tensor(DType.F32, 8, 4);
            Launch launch = add(device, arena, a, b);
            stub.takeRecord();
            device.record(
                    arena,
                    recorder -> {
                        recorder.fill(a, 1);
                        recorder.fork(
                                List.of(
                                        branch -> branch.submit(launch),
                                        branch ->
                                                branch.fork(
                                                        List.of(
                                                                inner ->
                                                                        inner.fill(
                                                                                arena.tensor(
                                                                                        DType.F32,
                                                                                        2),
                                                                                0)))));
                    });
            List<String> calls = stub.takeRecord();
            int begin = calls.indexOf("cuStreamBeginCapture_v2(1)");
            int end = calls.indexOf("cuStreamEndCapture()");
            Predicate<String> captured =
                    call ->
                            call.startsWith("cuMemset")
                                    || call.startsWith("cuLaunchKernel")
                                    || call.startsWith("cuEventRecord")
                                    || call.startsWith("cuStreamWaitEvent");
            assertTrue(begin >= 0 && end > begin, calls.toString());
            assertTrue(calls.subList(begin + 1, end).stream().allMatch(captured), calls.toString());
        }
    }

    @Test
    void handsAFailureToWhoeverWaits() {
        try (Device device = StubProvider.open();
                Stream stream = device.stream("work");
                Stream other = device.stream("other");
                DeviceArena arena = device.arena("memory")) {
            Tensor x = arena.tensor(DType.F32, 8, 4);
            Launch launch = add(device, arena, x, arena.tensor(DType.F32, 8, 4));
            Timepoint before = stream.mark();
            stub.fail("cuLaunchKernel", 0, 1);
            assertThrows(DeviceExecutionException.class, () -> stream.submit(launch));
            DeviceExecutionException again =
                    assertThrows(DeviceExecutionException.class, stream::synchronize);
            assertTrue(again.getMessage().contains("failed before"), again.getMessage());
            assertThrows(DeviceExecutionException.class, () -> other.waitFor(before));
        }
    }

    @Test
    void declinesByNameWhatItHasNoKernelFor() {
        try (Device device = StubProvider.open()) {
            UnsupportedKernelException declined =
                    assertThrows(
                            UnsupportedKernelException.class,
                            () -> device.plan(Axpby.add(4, 4, DType.F64)));
            assertTrue(declined.getMessage().contains("Axpby"), declined.getMessage());
        }
    }

    @Test
    void opensWithEitherBinding() {
        for (String bindings : List.of("auto", "ffm")) {
            DeviceOptions options =
                    DeviceOptions.defaults().withProperty("halcyon.cuda.bindings", bindings);
            try (Device device = new StubProvider().open(0, options)) {
                assertTrue(device.description().emulated());
                String used = device.description().properties().get("bindings");
                assertTrue(bindings.equals("auto") || "ffm".equals(used), used);
            }
        }
        assertNothingIsAlive();
    }
}
