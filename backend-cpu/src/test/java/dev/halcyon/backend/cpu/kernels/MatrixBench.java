package dev.halcyon.backend.cpu.kernels;

import static org.junit.jupiter.api.Assertions.fail;

import dev.halcyon.backend.cpu.CpuBackendProvider;
import dev.halcyon.backend.cpu.nativecode.NativeLevel;
import dev.halcyon.hal.Device;
import dev.halcyon.hal.DeviceOptions;
import dev.halcyon.hal.Plan;
import dev.halcyon.hal.Stream;
import dev.halcyon.hal.host.HostElements;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.kernel.linear.PackWeight;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.Operand;
import dev.halcyon.hal.memory.PackedTensor;
import dev.halcyon.hal.memory.QuantizationScheme;
import dev.halcyon.hal.memory.QuantizedTensor;
import dev.halcyon.hal.memory.Shape;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.TensorList;
import dev.halcyon.hal.memory.Workspace;

import java.lang.foreign.ValueLayout;
import java.util.Random;

/// A device opened like a user would, with an arena, and matrices to put on it.
final class MatrixBench implements AutoCloseable {
    private final Device device;
    private final DeviceArena arena;
    private final Stream stream;
    private final Random random = new Random(20260101);

    private MatrixBench(Device device) {
        this.device = device;
        this.arena = device.arena("test");
        this.stream = device.stream("test");
    }

    static MatrixBench open(int threads) {
        return new MatrixBench(
                new CpuBackendProvider()
                        .open(
                                0,
                                DeviceOptions.fromSystemProperties()
                                        .withProperty(
                                                "halcyon.cpu.threads", Integer.toString(threads))));
    }

    /// Opens a device without native kernels.
    static MatrixBench openInJava(int threads) {
        return new MatrixBench(
                new CpuBackendProvider()
                        .open(
                                0,
                                DeviceOptions.fromSystemProperties()
                                        .withProperty(
                                                "halcyon.cpu.threads", Integer.toString(threads))
                                        .withProperty("halcyon.cpu.native", "false")));
    }

    /// Opens a device with one level of native kernels.
    static MatrixBench open(int threads, NativeLevel level) {
        return new MatrixBench(
                new CpuBackendProvider()
                        .open(
                                0,
                                DeviceOptions.defaults()
                                        .withProperty(
                                                "halcyon.cpu.threads", Integer.toString(threads))
                                        .withProperty("halcyon.cpu.isa", "512")
                                        .withProperty("halcyon.cpu.native", level.label())));
    }

    /// Opens a device without native kernels, of the width that the JVM was started with.
    static MatrixBench openJava(int threads) {
        return new MatrixBench(
                new CpuBackendProvider()
                        .open(
                                0,
                                DeviceOptions.fromSystemProperties()
                                        .withProperty(
                                                "halcyon.cpu.threads", Integer.toString(threads))
                                        .withProperty("halcyon.cpu.native", "false")));
    }

    /// {@return the name of an implementation of products of some type: BF16 takes native kernels
    /// where there are any}
    String implementation(String name, DType type) {
        String kernels = device.description().properties().getOrDefault("native", "none");
        boolean isNative = type == DType.BF16 && !kernels.startsWith("none");
        return isNative ? name + "." + kernels : name;
    }

    Device device() {
        return device;
    }

    DeviceArena arena() {
        return arena;
    }

    /// Runs a spec in a workspace full of NaN.
    <A extends KernelArgs> void run(KernelSpec<A> spec, A args) {
        run(device.plan(spec), args);
    }

    <A extends KernelArgs> void run(Plan<A> plan, A args) {
        try (DeviceArena own = device.arena("launch")) {
            Workspace workspace = device.workspace(own, plan);
            workspace.storage().segment().fill((byte) 0xff);
            stream.submit(plan.bind(own, args, workspace));
            stream.synchronize();
        }
    }

    /// Runs a launch that must raise the fault word.
    <A extends KernelArgs> RuntimeException runFaulty(KernelSpec<A> spec, A args) {
        try (Stream own = device.stream("faulty")) {
            own.run(spec, args);
            own.synchronize();
        } catch (RuntimeException fault) {
            return fault;
        }
        return fail("no fault from " + spec);
    }

    /// {@return a tensor of numbers between -1 and 1}
    Tensor random(DType dtype, long... dims) {
        Tensor tensor = arena.tensor(dtype, dims);
        fillRandom(tensor);
        return tensor;
    }

    /// {@return a tensor with gaps: every dimension but the last is cut out of a larger one, NaN in
    /// between}
    Tensor randomStrided(DType dtype, long... dims) {
        long[] larger = dims.clone();
        for (int i = 0; i < dims.length; i++) {
            larger[i] += i == dims.length - 1 ? 5 : 2;
        }
        Tensor tensor = arena.tensor(dtype, larger);
        fill(tensor, Double.NaN);
        for (int i = 0; i < dims.length; i++) {
            tensor = tensor.slice(i, 1, 1 + dims[i]);
        }
        fillRandom(tensor);
        return tensor;
    }

    void fillRandom(Tensor tensor) {
        var memory = tensor.segment();
        HostElements.forEach(
                tensor,
                (_, position) ->
                        HostElements.set(
                                memory, tensor.dtype(), position, random.nextDouble() * 2 - 1));
    }

    void fill(Tensor tensor, double value) {
        var memory = tensor.segment();
        HostElements.forEach(
                tensor, (_, position) -> HostElements.set(memory, tensor.dtype(), position, value));
    }

    Tensor ints(int... values) {
        Tensor tensor = arena.tensor(DType.I32, values.length);
        for (int i = 0; i < values.length; i++) {
            tensor.segment().setAtIndex(ValueLayout.JAVA_INT, i, values[i]);
        }
        return tensor;
    }

    /// {@return a block-scaled matrix, or stack of them, of random codes that are no NaN and scales
    /// near 1}
    QuantizedTensor randomCodes(QuantizationScheme scheme, long... dims) {
        Tensor values = arena.tensor(scheme.values(), dims);
        var memory = values.segment();
        for (long i = 0; i < memory.byteSize(); i++) {
            int code = random.nextInt(256);
            boolean special =
                    scheme.values() == DType.F8_E4M3 && (code & 0x7f) == 0x7f
                            || scheme.values() == DType.F8_E5M2 && (code & 0x7f) >= 0x70;
            memory.set(ValueLayout.JAVA_BYTE, i, (byte) (special ? 0 : code));
        }
        Tensor scales = arena.tensor(scheme.scales(), scheme.scaleShape(Shape.of(dims)));
        for (long i = 0; i < scales.elements(); i++) {
            HostElements.set(
                    scales.segment(),
                    scheme.scales(),
                    i,
                    scheme.scales() == DType.F8_E8M0
                            ? Math.scalb(1.0, random.nextInt(5) - 2)
                            : 0.5 + random.nextDouble());
        }
        return new QuantizedTensor(values, scales, scheme);
    }

    /// {@return a plain weight in the layout the device prefers, packed by the device}
    PackedTensor packed(Tensor plain) {
        var to = device.preferred(plain.shape(), plain.format());
        PackedTensor packed = device.allocatePacked(arena, plain.shape(), to);
        packed.storage().segment().fill((byte) 0xff);
        int matrices = plain.rank() == 3 ? (int) plain.dim(0) : 0;
        run(
                new PackWeight(
                        matrices, (int) plain.dim(-2), (int) plain.dim(-1), plain.format(), to),
                PackWeight.Args.of(plain, packed));
        return packed;
    }

    /// {@return an element of a tensor of rank 2 or 3; `batch` is ignored if it has rank 2}
    static double at(Tensor tensor, long batch, long row, long column) {
        long position =
                row * tensor.stride(-2)
                        + column * tensor.stride(-1)
                        + (tensor.rank() == 3 ? batch * tensor.stride(0) : 0);
        return HostElements.get(tensor.segment(), tensor.dtype(), position);
    }

    /// {@return an element of a plain or block-scaled operand, scaled as the format says}
    static double at(Operand operand, long batch, long row, long column) {
        return switch (operand) {
            case Tensor tensor -> at(tensor, batch, row, column);
            case TensorList list -> at(list.elements().get((int) batch), 0, row, column);
            case QuantizedTensor quantized ->
                    at(quantized.values(), batch, row, column)
                            * at(
                                    quantized.scales(),
                                    batch,
                                    row / quantized.scheme().blockRows(),
                                    column / quantized.scheme().blockColumns());
            case PackedTensor _ -> throw new IllegalArgumentException("packed");
        };
    }

    /// {@return a bound on the error of `depth` F32 additions of terms whose magnitudes add up to
    /// `magnitude`, stored as `out`}
    static double tolerance(int depth, double magnitude, double expected, DType out) {
        double rounding =
                switch (out) {
                    case BF16 -> 0x1p-8;
                    case F16 -> 0x1p-11;
                    default -> 0x1p-23;
                };
        return (depth + 8) * 0x1p-23 * magnitude + rounding * Math.abs(expected) + 1e-7;
    }

    static void close(double expected, double actual, double tolerance, String what) {
        if (!(Math.abs(expected - actual) <= tolerance)) {
            fail(what + ": expected " + expected + ", got " + actual + ", tolerance " + tolerance);
        }
    }

    /// {@return the bytes of a contiguous tensor}
    static byte[] bits(Tensor tensor) {
        return tensor.segment().toArray(ValueLayout.JAVA_BYTE);
    }

    @Override
    public void close() {
        stream.close();
        arena.close();
        device.close();
    }
}
