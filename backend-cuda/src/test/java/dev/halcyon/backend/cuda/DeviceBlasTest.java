package dev.halcyon.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.halcyon.hal.Device;
import dev.halcyon.hal.DeviceOptions;
import dev.halcyon.hal.Graph;
import dev.halcyon.hal.Launch;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Plan;
import dev.halcyon.hal.Stream;
import dev.halcyon.hal.Support;
import dev.halcyon.hal.error.DeviceExecutionException;
import dev.halcyon.hal.kernel.linear.Gemm;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.WeightFormat;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import java.util.List;

/// cuBLASLt as the backend sees it: found or not, named in reports, switched off, captured,
/// failing.
class DeviceBlasTest {
    private static final Gemm PLAIN =
            Gemm.linear(4, 3, 2, DType.F32, WeightFormat.rowMajor(DType.F32), DType.F32);

    private final StubLibrary stub = StubLibrary.withKernelsOrSkip();

    @BeforeEach
    void resetStub() {
        stub.reset();
    }

    private static Device open(String cublasLt) {
        return new StubProvider()
                .open(
                        0,
                        DeviceOptions.defaults()
                                .withTracing()
                                .withProperty("halcyon.cuda.cublaslt", cublasLt));
    }

    private static Device openWithLibrary() {
        return open(StubLibrary.blasOrSkip().toString());
    }

    private static String implementation(Device device, Gemm spec) {
        return device.supports(spec) instanceof Support.Native support
                ? support.implementation().name()
                : "none";
    }

    @Test
    void takesTheLibraryForPlainProducts() {
        try (Device device = openWithLibrary()) {
            assertTrue(
                    device.description()
                            .properties()
                            .get("cublaslt")
                            .endsWith("libcublasLt.so.13 130000"));
            assertEquals("gemm.cublaslt", implementation(device, PLAIN));
            assertTrue(device.implementations().contains("gemm.cublaslt"));
            assertEquals("gemm.fma", implementation(device, PLAIN.withBatchInvariant(true)));
            Gemm fp8 =
                    Gemm.linear(
                            4, 3, 2, DType.BF16, WeightFormat.rowMajor(DType.F8_E4M3), DType.BF16);
            assertNotEquals("gemm.cublaslt", implementation(device, fp8));
        }
    }

    @Test
    void saysWhyThereIsNone() {
        record Case(String wanted, String reason) {}
        for (Case one :
                List.of(
                        new Case("off", "switched off"),
                        new Case("auto", "only where it is named"),
                        new Case("/nowhere/libcublasLt.so.13", "cannot open shared object file"),
                        new Case("libc.so.6", "not both the stub's"))) {
            try (Device device = open(one.wanted())) {
                String said = device.description().properties().get("cublaslt");
                assertTrue(said.startsWith("none (") && said.contains(one.reason()), said);
                assertEquals("gemm.fma", implementation(device, PLAIN));
                assertFalse(device.implementations().contains("gemm.cublaslt"));
            }
        }
    }

    @Test
    void keepsToTheLimitOfTheWorkspace() {
        try (Device device = openWithLibrary()) {
            assertEquals(32L << 20, device.plan(PLAIN, Limits.NONE).workspaceBytes());
            assertEquals(1000, device.plan(PLAIN, Limits.workspace(1000)).workspaceBytes());
            assertEquals(0, device.plan(PLAIN, Limits.workspace(0)).workspaceBytes());
        }
    }

    private static Launch product(Device device, DeviceArena arena, Stream stream, Tensor out) {
        Plan<Gemm.Args> plan = device.plan(PLAIN);
        Tensor x = arena.tensor(DType.F32, 1, 3);
        Tensor w = arena.tensor(DType.F32, 2, 3);
        stream.write(x, 1f, 2f, 3f);
        stream.write(w, 4f, 5f, 6f, 7f, 8f, 9f);
        return plan.bind(arena, Gemm.Args.of(x, w, out), device.workspace(arena, plan));
    }

    @Test
    void isSubmittedInOneCallAndReplayed() {
        try (Device device = openWithLibrary();
                Stream stream = device.stream("work");
                DeviceArena arena = device.arena("memory")) {
            Tensor out = arena.tensor(DType.F32, 1, 2);
            Launch launch = product(device, arena, stream, out);
            stub.takeRecord();
            stream.submit(launch);
            assertEquals(List.of("cublasLtMatmul()"), stub.takeRecord());
            assertArrayEquals(new float[] {32, 50}, stream.readFloats(out));
            Graph graph = device.record(arena, recorder -> recorder.submit(launch));
            stream.fill(out, 0);
            stream.replay(graph);
            assertArrayEquals(new float[] {32, 50}, stream.readFloats(out));
        }
    }

    @Test
    void namesTheStatusOfAFailure() {
        try (Device device = openWithLibrary();
                Stream stream = device.stream("work");
                DeviceArena arena = device.arena("memory")) {
            Launch launch = product(device, arena, stream, arena.tensor(DType.F32, 1, 2));
            stub.fail("cublasLtMatmul", 0, 1);
            DeviceExecutionException failed =
                    assertThrows(DeviceExecutionException.class, () -> stream.submit(launch));
            assertTrue(failed.getMessage().contains("cublasLtMatmul failed"), failed.getMessage());
            assertTrue(failed.getMessage().contains("a status of the stub"), failed.getMessage());
        }
    }
}
