package dev.halcyon.backend.ascend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.halcyon.hal.Device;
import dev.halcyon.hal.Graph;
import dev.halcyon.hal.Stream;
import dev.halcyon.hal.error.DeviceExecutionException;
import dev.halcyon.hal.error.DeviceLostException;
import dev.halcyon.hal.error.HalException;
import dev.halcyon.hal.error.OutOfDeviceMemoryException;
import dev.halcyon.hal.kernel.elementwise.Embedding;
import dev.halcyon.hal.kernel.linear.Gemm;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.WeightFormat;
import dev.halcyon.hal.memory.Workspace;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import java.util.concurrent.atomic.AtomicReference;

/// Whatever fails below, the exception says what it was, nothing is left over, and what can go on
/// goes on.
class FaultInjectionTest {
    private static final int SIZE = 16;
    private static final int MOST_FAULTS = 60;
    private EmulatedProcess process;

    @BeforeEach
    void start() {
        process = EmulatedProcess.start("head", "fault injection");
    }

    private static Gemm gemm() {
        return Gemm.linear(
                SIZE, SIZE, SIZE, DType.BF16, WeightFormat.rowMajor(DType.BF16), DType.BF16);
    }

    /// {@return an element of the square of a matrix of ones, eagerly and by a graph}
    private static float program(Device device) {
        try (DeviceArena arena = device.arena("program");
                Stream stream = device.stream("program")) {
            Tensor ones = arena.tensor(DType.BF16, SIZE, SIZE);
            stream.fill(ones, 1);
            Tensor square = arena.tensor(DType.BF16, SIZE, SIZE);
            stream.run(gemm(), Gemm.Args.of(ones, ones, square));
            Graph graph = graph(device, arena, ones, square);
            stream.replay(graph);
            return stream.readFloats(square)[SIZE + 1];
        }
    }

    private static Graph graph(Device device, DeviceArena arena, Tensor ones, Tensor square) {
        var plan = device.plan(gemm());
        Workspace workspace = device.workspace(arena, plan);
        return device.record(
                arena,
                recorder ->
                        recorder.submit(
                                plan.bind(arena, Gemm.Args.of(ones, ones, square), workspace)));
    }

    /// Each allocation fails once, in one life of the device, until none is left to fail.
    @ParameterizedTest
    @ValueSource(strings = {"fault.malloc", "fault.malloc.host"})
    void anyAllocationMayFail(String fault) {
        int failed = 0;
        for (int n = 1; n <= MOST_FAULTS; n++) {
            try (Device device = process.open()) {
                process.control().configure(fault, String.valueOf(n));
                Throwable thrown = catchThrowable(() -> program(device));
                if (thrown == null) {
                    break;
                }
                failed++;
                assertThat(thrown)
                        .as("%s %d", fault, n)
                        .isInstanceOf(OutOfDeviceMemoryException.class)
                        .hasMessageContaining("207001");
                assertThat(program(device)).as("after %s %d", fault, n).isEqualTo(SIZE);
            }
            assertThat(process.control().count("live.device")).as("%s %d", fault, n).isZero();
            assertThat(process.control().count("live.stream")).as("%s %d", fault, n).isZero();
        }
        assertThat(failed).isBetween(1, MOST_FAULTS - 1);
        process.control().configure(fault, "0");
        process.assertClean(fault);
    }

    /// A launch that fails at once, and one that CANN refuses in phase one, fail their stream
    /// alone.
    @ParameterizedTest
    @CsvSource({"fault.launch,507015 AICORE_EXCEPTION", "fault.phase1,561000 INNER"})
    void aRefusedLaunchFailsItsStream(String fault, String code) {
        try (Device device = process.open();
                DeviceArena arena = device.arena("program");
                Stream stream = device.stream("victim")) {
            Tensor ones = arena.tensor(DType.BF16, SIZE, SIZE);
            stream.fill(ones, 1);
            stream.synchronize();
            process.control().configure(fault, "1");
            Gemm.Args args = Gemm.Args.of(ones, ones, arena.tensor(DType.BF16, SIZE, SIZE));
            assertThatThrownBy(() -> stream.run(gemm(), args))
                    .isInstanceOf(DeviceExecutionException.class)
                    .hasMessageContaining(code)
                    .hasMessageContaining("stream \"victim\"")
                    .hasMessageContaining("last on the stream:")
                    .hasMessageContaining("[emulated]");
            assertThatThrownBy(stream::synchronize)
                    .isInstanceOf(DeviceExecutionException.class)
                    .hasMessageContaining("failed before");
            assertThat(program(device)).isEqualTo(SIZE);
        }
        process.assertClean(fault);
    }

    /// A kernel that fails on the device is found at the next wait, and CANN answers nothing else
    /// until the device is given up.
    @Test
    void aFailedKernelIsFoundLater() {
        try (Device device = process.open();
                DeviceArena arena = device.arena("program");
                Stream stream = device.stream("victim")) {
            Tensor ones = arena.tensor(DType.BF16, SIZE, SIZE);
            stream.fill(ones, 1);
            stream.synchronize();
            process.control().configure("fault.kernel", "1");
            stream.run(gemm(), Gemm.Args.of(ones, ones, arena.tensor(DType.BF16, SIZE, SIZE)));
            assertThatThrownBy(stream::synchronize)
                    .isInstanceOf(DeviceExecutionException.class)
                    .hasMessageContaining("507015")
                    .hasMessageContaining("aclnnMm");
            assertThatThrownBy(() -> program(device))
                    .isInstanceOf(HalException.class)
                    .hasMessageContaining("507015");
        }
        try (Device again = process.open()) {
            assertThat(program(again)).isEqualTo(SIZE);
        }
    }

    @Test
    void aLostDeviceStaysLost() {
        AtomicReference<Throwable> first = new AtomicReference<>();
        try (Device device = process.open();
                DeviceArena arena = device.arena("program");
                Stream stream = device.stream("victim")) {
            Tensor ones = arena.tensor(DType.BF16, SIZE, SIZE);
            process.control().configure("fault.device", "1");
            first.set(catchThrowable(() -> stream.fill(ones, 1)));
            assertThat(first.get())
                    .isInstanceOf(DeviceLostException.class)
                    .hasMessageContaining("507010");
            process.control().configure("fault.device", "0");
            for (int i = 0; i < 2; i++) {
                assertThatThrownBy(() -> program(device))
                        .isInstanceOf(DeviceLostException.class)
                        .hasRootCause(first.get());
            }
            assertThatThrownBy(stream::synchronize)
                    .isInstanceOf(DeviceLostException.class)
                    .hasRootCause(first.get());
        }
        process.control().reset();
        try (Device again = process.open()) {
            assertThat(program(again)).isEqualTo(SIZE);
        }
    }

    /// Whatever fails during a capture, it is ended, and the next one works.
    @ParameterizedTest
    @CsvSource({"fault.launch,1", "fault.phase1,1", "fault.phase1,2", "fault.malloc,1"})
    void aFailedCaptureIsEnded(String fault, String n) {
        try (Device device = process.open();
                DeviceArena arena = device.arena("program");
                Stream stream = device.stream("bystander")) {
            Tensor ones = arena.tensor(DType.BF16, SIZE, SIZE);
            stream.fill(ones, 1);
            Tensor square = arena.tensor(DType.BF16, SIZE, SIZE);
            var plan = device.plan(gemm());
            Workspace workspace = device.workspace(arena, plan);
            var launch = plan.bind(arena, Gemm.Args.of(ones, ones, square), workspace);
            stream.synchronize();
            process.control().configure(fault, n);
            assertThatThrownBy(() -> device.record(arena, recorder -> recorder.submit(launch)))
                    .isInstanceOf(HalException.class);
            process.control().configure(fault, "0");
            stream.submit(launch);
            Graph graph = device.record(arena, recorder -> recorder.submit(launch));
            stream.replay(graph);
            assertThat(stream.readFloats(square)[0]).isEqualTo(SIZE);
        }
        assertThat(process.control().count("live.graph")).isZero();
        assertThat(process.control().count("live.executor")).isZero();
    }

    @Test
    void aBadIndexIsFoundAtTheNextWaitAndSparesOtherStreams() {
        try (Device device = process.open();
                DeviceArena arena = device.arena("program");
                Stream stream = device.stream("victim");
                Stream other = device.stream("bystander")) {
            Tensor table = arena.tensor(DType.F32, 4, SIZE);
            stream.fill(table, 2);
            Tensor ids = arena.tensor(DType.I32, 2);
            stream.write(ids, 1, 4);
            Tensor out = arena.tensor(DType.F32, 2, SIZE);
            stream.run(Embedding.of(2, 4, SIZE, DType.F32), Embedding.Args.of(ids, table, out));
            assertThatThrownBy(stream::synchronize)
                    .isInstanceOf(DeviceExecutionException.class)
                    .hasMessageContaining("1 bad index");
            other.fill(table, 3);
            assertThat(other.readFloats(table)[0]).isEqualTo(3);
            assertThat(device.counters().faults()).isEqualTo(1);
        }
        process.assertClean("bad index");
    }

    /// The library has the operator, but no kernel of it is installed for the processor.
    @Test
    void aMissingKernelPackageIsNamed() {
        try (Device device = process.open()) {
            process.control().configure("fault.missing", "aclnnMm");
            assertThatThrownBy(() -> program(device))
                    .isInstanceOf(DeviceExecutionException.class)
                    .hasMessageContaining("561003")
                    .hasMessageContaining("kernels package");
            process.control().configure("fault.missing", "");
            assertThat(program(device)).isEqualTo(SIZE);
        }
        process.assertClean("missing kernel");
    }
}
