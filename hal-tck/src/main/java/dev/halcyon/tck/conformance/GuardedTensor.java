package dev.halcyon.tck.conformance;

import dev.halcyon.hal.Stream;
import dev.halcyon.hal.host.HostElements;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.Shape;
import dev.halcyon.hal.memory.Tensor;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/// A tensor in the middle of memory that nobody may touch: guard bands on both sides, and gaps
/// between its rows.
///
/// Bands and gaps hold NaN of a pattern of their own, so that reading them shows in the result and
/// writing them shows in the bands. Outputs are poisoned with another NaN.
final class GuardedTensor {
    private static final int BAND_BYTES = 256;
    private static final byte POISON = (byte) 0xff;
    private static final byte INTEGER_POISON = (byte) 0x80;
    private static final byte[] GUARD = {(byte) 0xf5, (byte) 0xff, (byte) 0xff, (byte) 0xff};

    private final Slot.Plain slot;
    private final Tensor storage;
    private final Tensor tensor;
    private final int first;
    private byte[] image = new byte[0];

    /// @param shifted whether the tensor begins at no better alignment than its elements need, and
    ///   its rows are apart
    GuardedTensor(DeviceArena arena, Slot.Plain slot, boolean shifted) {
        this.slot = slot;
        DType dtype = slot.dtype();
        long[] physical = slot.dims().clone();
        int last = physical.length - 1;
        int gap = shifted && slot.strides() && last >= 0 ? gap(dtype) : 0;
        if (gap > 0) {
            physical[last] += gap;
        }
        Shape shape = Shape.of(physical);
        long bytes = dtype.bytes(shape.elements());
        this.first = BAND_BYTES + (shifted ? dtype.alignment() : 0);
        this.storage = arena.tensor(DType.U8, first + bytes + BAND_BYTES);
        Tensor whole = Tensor.of(storage.buffer(), storage.byteOffset() + first, dtype, shape);
        this.tensor = gap > 0 ? whole.slice(last, 0, slot.dims()[last]) : whole;
    }

    private static int gap(DType dtype) {
        return dtype.isPacked() ? 4 : 3;
    }

    Tensor tensor() {
        return tensor;
    }

    Slot.Plain slot() {
        return slot;
    }

    /// Writes the bands, and the values of `content` or poison.
    void fill(Stream stream, double @Nullable [] content) {
        image = new byte[Math.toIntExact(storage.byteSize())];
        for (int i = 0; i < image.length; i++) {
            image[i] = GUARD[i % GUARD.length];
        }
        MemorySegment data = data(image);
        DType dtype = slot.dtype();
        if (content == null) {
            byte[] poison = new byte[Math.max(1, dtype.bits() / 8)];
            Arrays.fill(poison, dtype.isFloatingPoint() ? POISON : INTEGER_POISON);
            HostElements.forEach(tensor, (number, at) -> poison(data, at, poison));
        } else {
            HostElements.forEach(
                    tensor,
                    (number, at) -> HostElements.set(data, dtype, at, content[(int) number]));
        }
        stream.upload(storage, MemorySegment.ofArray(image));
    }

    private void poison(MemorySegment data, long at, byte[] poison) {
        if (slot.dtype().isPacked()) {
            data.asByteBuffer().put((int) (at / 2), poison[0]);
        } else {
            MemorySegment.copy(
                    MemorySegment.ofArray(poison), 0, data, at * poison.length, poison.length);
        }
    }

    private MemorySegment data(byte[] bytes) {
        return MemorySegment.ofArray(bytes).asSlice(first);
    }

    /// The values as they were written, after rounding to the element type.
    double[] before() {
        return decode(image);
    }

    /// Reads the memory back.
    byte[] download(Stream stream) {
        byte[] bytes = new byte[image.length];
        stream.download(MemorySegment.ofArray(bytes), storage);
        return bytes;
    }

    double[] decode(byte[] bytes) {
        double[] values = new double[Math.toIntExact(slot.elements())];
        MemorySegment data = data(bytes);
        HostElements.forEach(
                tensor,
                (number, at) -> values[(int) number] = HostElements.get(data, slot.dtype(), at));
        return values;
    }

    /// The bytes of the elements, in row-major order, for comparisons bit by bit.
    byte[] elementBytes(byte[] bytes) {
        int width = slot.dtype().bits() / 8;
        if (width == 0) {
            return Arrays.copyOfRange(
                    bytes, first, first + Math.toIntExact(slot.dtype().bytes(slot.elements())));
        }
        byte[] packed = new byte[Math.toIntExact(slot.elements()) * width];
        HostElements.forEach(
                tensor,
                (number, at) ->
                        System.arraycopy(
                                bytes,
                                first + (int) at * width,
                                packed,
                                (int) number * width,
                                width));
        return packed;
    }

    /// What of the memory outside the elements, or of all of it if `all`, is not as it was; empty
    /// if nothing.
    String damage(byte[] bytes, boolean all) {
        if (!all) {
            // What the elements hold is the kernel's business; put it back, and compare everything
            // else.
            int width = slot.dtype().bits() / 8;
            if (width == 0) {
                int length = Math.toIntExact(slot.dtype().bytes(slot.elements()));
                System.arraycopy(image, first, bytes, first, length);
            } else {
                HostElements.forEach(
                        tensor,
                        (number, at) -> {
                            int position = first + (int) at * width;
                            System.arraycopy(image, position, bytes, position, width);
                        });
            }
        }
        int at = Arrays.mismatch(image, bytes);
        if (at < 0) {
            return "";
        }
        String where =
                at < first
                        ? "before the tensor"
                        : at >= bytes.length - BAND_BYTES ? "behind the tensor" : "inside";
        return slot.name()
                + ": byte "
                + (at - first)
                + " from its start ("
                + where
                + ") was changed from "
                + (image[at] & 0xff)
                + " to "
                + (bytes[at] & 0xff);
    }
}
