package dev.halcyon.hal.memory;

import java.util.Objects;

/// A weight in a layout that a backend named: opaque bytes plus the logical shape they stand for.
///
/// Made by the `PackWeight` spec; only kernels of the backend that named the layout interpret the bytes.
///
/// @param storage the bytes, [DType#U8], rank 1
/// @param shape the logical shape, `[rows, columns]` or `[matrices, rows, columns]`
/// @param format the format, never [WeightFormat#ROW_MAJOR]
public record PackedTensor(Tensor storage, Shape shape, WeightFormat format) implements Operand {
    public PackedTensor {
        Objects.requireNonNull(shape, "shape");
        if (storage.dtype() != DType.U8 || storage.shape().rank() != 1) {
            throw new IllegalArgumentException(
                    "packed storage is a U8 vector, not " + storage.dtype() + " " + storage.shape());
        }
        if (format.isRowMajor()) {
            throw new IllegalArgumentException("a row-major weight is a Tensor or a QuantizedTensor, not packed");
        }
    }
}
