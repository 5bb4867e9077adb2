package dev.halcyon.backend.ascend.operators;

import dev.halcyon.backend.ascend.acl.AclDataType;
import dev.halcyon.hal.host.HostElements;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// Elements as integers of their size, for what must change no bit: no operator then rounds or
/// changes a NaN.
public final class Bits {
    private Bits() {}

    /// {@return the elements as integers of their size; of 4-bit elements, the bytes}
    ///
    /// @throws IllegalArgumentException if 4-bit elements do not fill whole bytes
    public static View of(Tensor tensor) {
        return tensor.dtype().isPacked() ? bytesOf(tensor) : integers(View.of(tensor));
    }

    /// {@return the elements as integers of their size}
    public static View integers(View view) {
        return view.as(
                switch (view.type().bytes()) {
                    case 1 -> AclDataType.UINT8;
                    case 2 -> AclDataType.INT16;
                    case 4 -> AclDataType.INT32;
                    default -> AclDataType.INT64;
                });
    }

    private static View bytesOf(Tensor tensor) {
        int inner = tensor.rank() - 1;
        boolean wholeBytes =
                inner >= 0
                        && tensor.dim(inner) % 2 == 0
                        && (tensor.stride(inner) == 1 || tensor.dim(inner) == 0);
        for (int i = 0; i < inner; i++) {
            wholeBytes &= tensor.dim(i) <= 1 || tensor.stride(i) % 2 == 0;
        }
        if (!wholeBytes) {
            throw new IllegalArgumentException(
                    tensor + " has rows that share bytes; copy or fill whole rows");
        }
        long[] dims = tensor.shape().toArray();
        long[] strides = new long[dims.length];
        for (int i = 0; i < inner; i++) {
            strides[i] = tensor.stride(i) / 2;
        }
        dims[inner] /= 2;
        strides[inner] = 1;
        View first =
                tensor.elements() == 0
                        ? View.unbound(AclDataType.UINT8)
                        : View.at(tensor.address(), AclDataType.UINT8);
        return new View(AclDataType.UINT8, first.base(), first.offset(), dims, strides);
    }

    /// {@return the view to fill and the number to fill it with, so that elements become `value`}
    public static Filling filling(Tensor tensor, double value) {
        DType dtype = tensor.dtype();
        if (dtype.bits() == 64) {
            return new Filling(View.of(tensor), value);
        }
        return new Filling(of(tensor), pattern(dtype, value));
    }

    /// {@return the number that an element of [#of] has where the tensor's is `value`}
    public static double pattern(DType dtype, double value) {
        MemorySegment one = MemorySegment.ofArray(new byte[8]);
        HostElements.set(one, dtype, 0, value);
        if (dtype.isPacked()) {
            HostElements.set(one, dtype, 1, value);
        }
        return switch (dtype.bits()) {
            case 32 -> one.get(ValueLayout.JAVA_INT_UNALIGNED, 0);
            case 16 -> one.get(ValueLayout.JAVA_SHORT_UNALIGNED, 0);
            default -> one.get(ValueLayout.JAVA_BYTE, 0) & 0xff;
        };
    }

    /// A fill.
    ///
    /// @param view what to fill
    /// @param value with what
    public record Filling(View view, double value) {}
}
