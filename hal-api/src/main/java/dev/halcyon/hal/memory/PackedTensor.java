package dev.halcyon.hal.memory;

import java.util.Objects;

/// A weight in a layout that a backend named: opaque bytes plus the logical shape they stand for.
///
/// Made by the `PackWeight` spec; only kernels of the backend that named the layout interpret the
/// bytes.
///
/// @param storage the bytes, [DType#U8], rank 1; at least those of the values and scales, more
///   where the layout pads
/// @param shape the logical shape, `[rows, columns]` or `[matrices, rows, columns]`
/// @param format the format, never [WeightFormat#ROW_MAJOR]
public record PackedTensor(Tensor storage, Shape shape, WeightFormat format) implements Operand {
    public PackedTensor {
        Objects.requireNonNull(shape, "shape");
        if (storage.dtype() != DType.U8 || storage.shape().rank() != 1 || !storage.isContiguous()) {
            throw new IllegalArgumentException(
                    "packed storage is a contiguous U8 vector, not " + storage);
        }
        if (format.isRowMajor()) {
            throw new IllegalArgumentException(
                    "a row-major weight is a Tensor or a QuantizedTensor, not packed");
        }
        if (format.isListed()) {
            throw new IllegalArgumentException(
                    "a packed weight lies in one piece, unlike " + format + "; list the pieces");
        }
        if (storage.byteSize() < format.bytes(shape)) {
            throw new IllegalArgumentException(
                    format
                            + " "
                            + shape
                            + " needs at least "
                            + format.bytes(shape)
                            + " bytes, the storage has "
                            + storage.byteSize()
                            + "; device.allocatePacked knows the size");
        }
    }
}
