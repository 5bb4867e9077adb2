package dev.halcyon.backend.cpu.kernels;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import dev.halcyon.backend.cpu.CpuBackendProvider;
import dev.halcyon.hal.Device;
import dev.halcyon.hal.DeviceOptions;
import dev.halcyon.hal.Plan;
import dev.halcyon.hal.Stream;
import dev.halcyon.hal.error.DeviceExecutionException;
import dev.halcyon.hal.host.HostElements;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.Shape;
import dev.halcyon.hal.memory.Tensor;

import java.lang.foreign.ValueLayout;
import java.util.Random;
import java.util.function.Function;

/// A device opened like a user would, tensors of given or random values, and comparisons in F64.
final class RowBench implements AutoCloseable {
    private final Device device;
    private final DeviceArena arena;
    private final Random random = new Random(20260102);
    private Stream stream;

    private RowBench(Device device) {
        this.device = device;
        this.arena = device.arena("test");
        this.stream = device.stream("test");
    }

    static RowBench open(int threads) {
        return open(threads, System.getProperty("halcyon.cpu.native", "auto"));
    }

    /// Opens a device.
    ///
    /// @param nativeKernels value of `halcyon.cpu.native`
    static RowBench open(int threads, String nativeKernels) {
        return new RowBench(
                new CpuBackendProvider()
                        .open(
                                0,
                                DeviceOptions.fromSystemProperties()
                                        .withProperty(
                                                "halcyon.cpu.threads", Integer.toString(threads))
                                        .withProperty("halcyon.cpu.native", nativeKernels)));
    }

    /// Runs `scenario` with one thread and with three and compares the bits of the tensor that it
    /// returns.
    static void sameBitsForAnyThreads(Function<RowBench, Tensor> scenario) {
        byte[] alone;
        try (RowBench bench = open(1)) {
            alone = bench.bytes(scenario.apply(bench));
        }
        try (RowBench bench = open(3)) {
            assertArrayEquals(
                    alone,
                    bench.bytes(scenario.apply(bench)),
                    "three threads give other bits than one");
        }
    }

    Device device() {
        return device;
    }

    Random random() {
        return random;
    }

    <A extends KernelArgs> void run(KernelSpec<A> spec, A args) {
        stream.run(spec, args);
        stream.synchronize();
    }

    <A extends KernelArgs> void run(Plan<A> plan, A args) {
        try (DeviceArena own = device.arena("launch")) {
            stream.submit(plan.bind(own, args, device.workspace(own, plan)));
            stream.synchronize();
        }
    }

    /// Runs what must raise the fault word once, and checks that the message names the operand's
    /// entry.
    <A extends KernelArgs> void runFaulty(KernelSpec<A> spec, A args, String entry) {
        long before = device.counters().faults();
        Stream broken = stream;
        stream = device.stream("after a fault");
        try {
            broken.run(spec, args);
            broken.synchronize();
            fail("no fault was raised");
        } catch (DeviceExecutionException fault) {
            assertTrue(String.valueOf(fault.getMessage()).contains(entry), fault.getMessage());
            // Several indices may be bad, and a page may be met by several tasks.
            assertTrue(device.counters().faults() > before, "no fault was counted");
        } finally {
            broken.close();
        }
    }

    /// {@return a contiguous tensor of unspecified contents}
    Tensor empty(DType dtype, long... dims) {
        Tensor tensor = arena.tensor(dtype, dims);
        if (dtype.isFloatingPoint()) {
            set(tensor, (number) -> Double.NaN);
        }
        return tensor;
    }

    Tensor of(DType dtype, double[] values, long... dims) {
        Tensor tensor = arena.tensor(dtype, dims);
        assertEquals(values.length, tensor.elements());
        set(tensor, number -> values[(int) number]);
        return tensor;
    }

    Tensor floats(double... values) {
        return of(DType.F32, values, values.length);
    }

    Tensor ints(int... values) {
        return intMatrix(values, values.length);
    }

    Tensor intMatrix(int[] values, long... dims) {
        Tensor tensor = arena.tensor(DType.I32, dims);
        assertEquals(values.length, tensor.elements());
        set(tensor, number -> values[(int) number]);
        return tensor;
    }

    Tensor longs(long... values) {
        Tensor tensor = arena.tensor(DType.I64, values.length);
        for (int i = 0; i < values.length; i++) {
            tensor.segment().setAtIndex(ValueLayout.JAVA_LONG, i, values[i]);
        }
        return tensor;
    }

    /// {@return normally distributed numbers, as the type rounds them}
    Tensor normal(DType dtype, long... dims) {
        Tensor tensor = arena.tensor(dtype, dims);
        set(tensor, number -> random.nextGaussian());
        return tensor;
    }

    /// {@return a column range of a wider matrix whose other columns are NaN}
    Tensor strided(DType dtype, long rows, long columns) {
        Tensor wide = empty(dtype, rows, columns + 7);
        return wide.slice(1, 3, 3 + columns);
    }

    /// {@return [#strided] with normally distributed numbers}
    Tensor normalStrided(DType dtype, long rows, long columns) {
        Tensor tensor = strided(dtype, rows, columns);
        set(tensor, number -> random.nextGaussian());
        return tensor;
    }

    /// Checks that the columns around a tensor from [#strided] are as they were.
    void assertGapsAreNaN(Tensor tensor, long columns) {
        for (long row = 0; row < tensor.dim(0); row++) {
            for (long column :
                    new long[] {-3, -2, -1, columns, columns + 1, columns + 2, columns + 3}) {
                long byteOffset =
                        tensor.byteOffset()
                                + tensor.dtype().bytes(row * tensor.stride(0))
                                + column * tensor.dtype().bits() / 8;
                double value =
                        HostElements.get(
                                Tensor.of(tensor.buffer(), byteOffset, tensor.dtype(), Shape.of(1))
                                        .segment(),
                                tensor.dtype(),
                                0);
                assertTrue(
                        Double.isNaN(value),
                        "column " + column + " beside row " + row + " was overwritten");
            }
        }
    }

    interface Value {
        double of(long number);
    }

    void set(Tensor tensor, Value value) {
        var memory = tensor.segment();
        HostElements.forEach(
                tensor,
                (number, position) ->
                        HostElements.set(memory, tensor.dtype(), position, value.of(number)));
    }

    double[] read(Tensor tensor) {
        double[] values = new double[(int) tensor.elements()];
        var memory = tensor.segment();
        HostElements.forEach(
                tensor,
                (number, position) ->
                        values[(int) number] = HostElements.get(memory, tensor.dtype(), position));
        return values;
    }

    int[] readInts(Tensor tensor) {
        double[] values = read(tensor);
        int[] ints = new int[values.length];
        for (int i = 0; i < ints.length; i++) {
            ints[i] = (int) values[i];
        }
        return ints;
    }

    byte[] bytes(Tensor tensor) {
        return tensor.segment().toArray(ValueLayout.JAVA_BYTE);
    }

    /// {@return what rounding to the type may lose, relative to the largest magnitude, beside F32
    /// arithmetic}
    static double tolerance(DType dtype) {
        return switch (dtype) {
            case BF16 -> 0x1p-8;
            case F16 -> 0x1p-11;
            default -> 2e-6;
        };
    }

    /// Compares with a tolerance relative to the largest expected magnitude.
    void assertClose(double[] expected, Tensor actual) {
        assertClose(expected, actual, tolerance(actual.dtype()) * 1.01 + 2e-6);
    }

    void assertClose(double[] expected, Tensor actual, double tolerance) {
        double[] values = read(actual);
        assertEquals(expected.length, values.length);
        double largest = 0;
        for (double value : expected) {
            largest = Math.max(largest, Double.isFinite(value) ? Math.abs(value) : 0);
        }
        for (int i = 0; i < values.length; i++) {
            boolean close =
                    Double.isFinite(expected[i])
                            ? Math.abs(values[i] - expected[i]) <= tolerance * largest
                            : Double.compare(values[i], expected[i]) == 0;
            assertTrue(
                    close,
                    "element "
                            + i
                            + " is "
                            + values[i]
                            + ", not "
                            + expected[i]
                            + " within "
                            + tolerance
                            + " of "
                            + largest);
        }
    }

    @Override
    public void close() {
        stream.close();
        arena.close();
        device.close();
    }
}
