package dev.halcyon.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.halcyon.hal.Device;
import dev.halcyon.hal.Launch;
import dev.halcyon.hal.Plan;
import dev.halcyon.hal.Stream;
import dev.halcyon.hal.error.BackendUnavailableException;
import dev.halcyon.hal.error.DeviceLostException;
import dev.halcyon.hal.error.HalException;
import dev.halcyon.hal.error.OutOfDeviceMemoryException;
import dev.halcyon.hal.error.ResourceExhaustedException;
import dev.halcyon.hal.kernel.elementwise.Axpby;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.Tensor;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.util.List;

/// What the driver's failures become, and that none of them takes anything else with it.
class CudaFailureTest {
    private final StubLibrary stub = StubLibrary.withKernelsOrSkip();

    private int contextsBefore;
    private int modulesBefore;

    @BeforeEach
    void resetStub() {
        stub.reset();
        contextsBefore = stub.alive("contexts");
        modulesBefore = stub.alive("modules");
    }

    @AfterEach
    void leaveTheStubWell() {
        stub.reset();
    }

    private static Launch add(Device device, DeviceArena arena) {
        Plan<Axpby.Args> plan = device.plan(Axpby.add(8, 4, DType.F32));
        Tensor x = arena.tensor(DType.F32, 8, 4);
        Tensor out = arena.tensor(DType.F32, 8, 4);
        return plan.bind(arena, Axpby.Args.of(x, x, out), device.workspace(arena, plan));
    }

    /// A kernel that faults says so only when somebody waits for it.
    @ParameterizedTest
    @ValueSource(ints = {700, 710, 714, 715, 716, 717, 718, 719})
    void isLostForGoodWithTheFirstCause(int code) {
        Device device = StubProvider.open();
        Stream stream = device.stream("work");
        Stream other = device.stream("other");
        DeviceArena arena = device.arena("memory");
        Tensor tensor = arena.tensor(DType.F32, 4);
        Launch launch = add(device, arena);
        stub.set("lazy", 1);
        stub.set("fault", code);
        stream.submit(launch);
        DeviceLostException first = assertThrows(DeviceLostException.class, stream::synchronize);
        assertTrue(
                first.failure().nativeCode().startsWith(code + " CUDA_ERROR_"), first.getMessage());
        // Whatever the driver says afterwards, the first cause stays.
        stub.fail("cuMemAllocFromPoolAsync", -1, 719);
        stub.takeRecord();
        for (Runnable later :
                List.<Runnable>of(
                        () -> other.fill(tensor, 1),
                        stream::synchronize,
                        () -> arena.tensor(DType.U8, 64 << 20),
                        () -> device.stream("another"))) {
            DeviceLostException lost = assertThrows(DeviceLostException.class, later::run);
            assertTrue(lost.getMessage().contains(Integer.toString(code)), lost.getMessage());
        }
        device.close();
        List<String> calls = stub.takeRecord();
        assertTrue(
                calls.stream()
                        .allMatch(
                                call ->
                                        call.startsWith("cuDevicePrimaryCtxRelease")
                                                || call.startsWith("cuDeviceGet")),
                "a lost device was asked for more: " + calls);
    }

    @Test
    void isLostWhenSomebodyElseDestroysTheContext() {
        Device device = StubProvider.open();
        Stream stream = device.stream("work");
        stub.fail("cuStreamSynchronize", 0, 709);
        DeviceLostException lost = assertThrows(DeviceLostException.class, stream::synchronize);
        assertTrue(lost.getMessage().contains("destroyed the primary context"), lost.getMessage());
        device.close();
    }

    @Test
    void staysUsableWithoutMemory() {
        stub.set("memory", 64L << 20);
        try (Device device = StubProvider.open();
                Stream stream = device.stream("work");
                DeviceArena arena = device.arena("memory")) {
            OutOfDeviceMemoryException full =
                    assertThrows(
                            OutOfDeviceMemoryException.class,
                            () -> arena.tensor(DType.U8, 1L << 30));
            assertTrue(full.getMessage().contains("\"memory\""), full.getMessage());
            Tensor small = arena.tensor(DType.F32, 4);
            stream.fill(small, 3);
            assertEquals(3, stream.readFloats(small)[0]);
        }
    }

    @Test
    void staysUsableWithoutPinnedMemory() {
        try (Device device = StubProvider.open();
                DeviceArena pinned = device.hostArena("inputs")) {
            stub.fail("cuMemHostAlloc", -1, 2);
            OutOfDeviceMemoryException full =
                    assertThrows(
                            OutOfDeviceMemoryException.class,
                            () -> pinned.tensor(DType.U8, 64 << 20));
            assertTrue(full.getMessage().contains("\"inputs\""), full.getMessage());
            assertTrue(full.getMessage().contains("cuMemHostAlloc"), full.getMessage());
            stub.reset();
            pinned.tensor(DType.U8, 64 << 20);
        }
    }

    @Test
    void namesTheSpecWhoseLaunchFailed() {
        try (Device device = StubProvider.open();
                Stream stream = device.stream("work");
                Stream other = device.stream("other");
                DeviceArena arena = device.arena("memory")) {
            Launch launch = add(device, arena);
            stub.fail("cuLaunchKernel", 0, 701);
            ResourceExhaustedException failed =
                    assertThrows(ResourceExhaustedException.class, () -> stream.submit(launch));
            assertTrue(failed.getMessage().contains("Axpby"), failed.getMessage());
            assertTrue(
                    failed.failure().nativeCode().contains("LAUNCH_OUT_OF_RESOURCES"),
                    failed.getMessage());
            other.submit(launch);
            other.synchronize();
        }
    }

    @Test
    void repeatsTheWordsOfTheDriversCompiler() {
        stub.set("fatbin", 209);
        stub.set("ptx", 218);
        BackendUnavailableException failed =
                assertThrows(BackendUnavailableException.class, StubProvider::open);
        assertTrue(
                failed.getMessage().contains("kernels_sm80.ptx: 218 CUDA_ERROR_INVALID_PTX"),
                failed.getMessage());
        assertTrue(
                failed.getMessage().contains("ptxas of the stub, line 1; fatal: refused"),
                failed.getMessage());
        assertNothingIsLeft();
    }

    @ParameterizedTest
    @ValueSource(ints = {209, 222, 200})
    void triesThePtxWhereTheMachineCodeIsRefused(int code) {
        stub.set("fatbin", code);
        try (Device device = StubProvider.open()) {
            assertEquals("kernels_sm80.ptx", device.description().properties().get("kernels"));
        }
        assertNothingIsLeft();
    }

    @Test
    void saysWhatADriverWithoutItsCompilerLacks() {
        stub.set("fatbin", 209);
        stub.set("ptx", 221);
        BackendUnavailableException failed =
                assertThrows(BackendUnavailableException.class, StubProvider::open);
        assertTrue(
                failed.failure().remedy().contains("libnvidia-ptxjitcompiler.so.1"),
                failed.getMessage());
    }

    @Test
    void losesNothingWhenAnImageIsBroken() {
        stub.fail("cuModuleLoadDataEx", -1, 300);
        assertThrows(HalException.class, StubProvider::open);
        assertNothingIsLeft();
    }

    @Test
    void saysThatAnotherProcessHasTheDevice() {
        stub.fail("cuDevicePrimaryCtxRetain", 0, 46);
        ResourceExhaustedException failed =
                assertThrows(ResourceExhaustedException.class, StubProvider::open);
        assertTrue(failed.failure().remedy().contains("nvidia-smi -c"), failed.getMessage());
        assertFalse(failed.getMessage().contains("defect"), failed.getMessage());
        assertNothingIsLeft();
    }

    private void assertNothingIsLeft() {
        assertEquals(contextsBefore, stub.alive("contexts"));
        assertEquals(modulesBefore, stub.alive("modules"));
    }
}
