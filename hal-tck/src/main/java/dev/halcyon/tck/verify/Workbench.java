package dev.halcyon.tck.verify;

import dev.halcyon.hal.Device;
import dev.halcyon.hal.Stream;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.Shape;
import dev.halcyon.hal.memory.Tensor;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/// The device memory and the stream of one run of one case, and how the run stores its operands.
///
/// A *bounded* run plans for more rows than its tensors have and gives its tensors more rows than
/// are live: the rows in between are NaN and must make no difference.
final class Workbench implements AutoCloseable {
    private static final int DEAD_ROWS = 3;
    private static final int SPARE_BOUND = 6;

    private final Device device;
    private final DType storage;
    private final boolean bounded;
    private final DeviceArena arena;
    private final Stream stream;

    Workbench(Device device, DType storage, boolean bounded) {
        this.device = device;
        this.storage = storage;
        this.bounded = bounded;
        this.arena = device.arena("verify");
        this.stream = device.stream("verify");
    }

    Device device() {
        return device;
    }

    DeviceArena arena() {
        return arena;
    }

    /// Element type of weights and activations.
    DType storage() {
        return storage;
    }

    boolean isBounded() {
        return bounded;
    }

    /// Rows of a tensor with `live` live rows.
    int rows(int live) {
        return bounded ? live + DEAD_ROWS : live;
    }

    /// The row bound to plan with.
    int bound(int live) {
        return Math.max(1, bounded ? live + SPARE_BOUND : live);
    }

    /// The number of live rows as an operand; null where every row is live.
    @Nullable Tensor active(int live) {
        return bounded ? ints(live) : null;
    }

    /// A tensor of `live` rows in the run's element type, followed by its dead rows.
    Tensor rows(double[] values, int live, long... rowDims) {
        return rows(storage, values, live, rowDims);
    }

    Tensor rows(DType dtype, double[] values, int live, long... rowDims) {
        Tensor tensor = unfilled(dtype, live, rowDims);
        write(live == rows(live) ? tensor : tensor.slice(0, 0, live), values);
        return tensor;
    }

    /// An I32 tensor of `live` rows, whose dead rows hold `dead`.
    Tensor intRows(int[] values, int live, int dead, long... rowDims) {
        Tensor tensor = arena.tensor(DType.I32, dims(rows(live), rowDims));
        int[] padded = Arrays.copyOf(values, Math.toIntExact(tensor.elements()));
        Arrays.fill(padded, values.length, padded.length, dead);
        stream.write(tensor, padded);
        return tensor;
    }

    /// A tensor full of NaN, in the run's element type, for `live` rows.
    Tensor unfilled(int live, long... rowDims) {
        return unfilled(storage, live, rowDims);
    }

    Tensor unfilled(DType dtype, int live, long... rowDims) {
        Tensor tensor = arena.tensor(dtype, dims(rows(live), rowDims));
        poison(tensor);
        return tensor;
    }

    /// A tensor of a type and shape of its own, poisoned.
    Tensor unfilledPlain(DType dtype, long... dims) {
        Tensor tensor = arena.tensor(dtype, dims);
        poison(tensor);
        return tensor;
    }

    /// Fills a tensor with NaN or, if it cannot hold that, with a number that no index is.
    void poison(Tensor tensor) {
        stream.fill(tensor, tensor.dtype().isFloatingPoint() ? Double.NaN : Integer.MIN_VALUE);
    }

    /// A weight in the run's element type.
    Tensor weight(double[] values, long... dims) {
        return tensor(storage, values, dims);
    }

    Tensor tensor(DType dtype, double[] values, long... dims) {
        Tensor tensor = arena.tensor(dtype, dims);
        write(tensor, values);
        return tensor;
    }

    Tensor ints(int... values) {
        Tensor tensor = arena.tensor(DType.I32, values.length);
        stream.write(tensor, values);
        return tensor;
    }

    Tensor bytes(DType dtype, byte[] data, long... dims) {
        Tensor tensor = arena.tensor(dtype, Shape.of(dims));
        stream.upload(tensor, MemorySegment.ofArray(data));
        return tensor;
    }

    void write(Tensor tensor, double[] values) {
        float[] narrow = new float[values.length];
        for (int i = 0; i < narrow.length; i++) {
            narrow[i] = (float) values[i];
        }
        stream.write(tensor, narrow);
    }

    void write(Tensor tensor, int... values) {
        stream.write(tensor, values);
    }

    <A extends KernelArgs> void run(KernelSpec<A> spec, A args) {
        stream.run(spec, args);
    }

    double[] read(Tensor tensor) {
        float[] narrow = stream.readFloats(tensor);
        double[] values = new double[narrow.length];
        for (int i = 0; i < values.length; i++) {
            values[i] = narrow[i];
        }
        return values;
    }

    /// The live rows of a tensor.
    double[] read(Tensor tensor, int live) {
        return read(tensor.slice(0, 0, live));
    }

    int[] readInts(Tensor tensor) {
        return stream.readInts(tensor);
    }

    byte[] readBytes(Tensor tensor) {
        byte[] data = new byte[Math.toIntExact(tensor.byteSize())];
        stream.download(MemorySegment.ofArray(data), tensor);
        return data;
    }

    @Override
    public void close() {
        stream.close();
        arena.close();
    }

    private static long[] dims(long rows, long... rowDims) {
        long[] dims = new long[rowDims.length + 1];
        dims[0] = rows;
        System.arraycopy(rowDims, 0, dims, 1, rowDims.length);
        return dims;
    }
}
