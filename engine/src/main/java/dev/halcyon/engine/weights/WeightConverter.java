package dev.halcyon.engine.weights;

import dev.halcyon.hal.Stream;
import dev.halcyon.hal.kernel.elementwise.Cast;
import dev.halcyon.hal.kernel.linear.Dequantize;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.Operand;
import dev.halcyon.hal.memory.QuantizedTensor;
import dev.halcyon.hal.memory.Tensor;

/// Converts weights on the device, once, into memory of an arena.
///
/// @param arena where the results live
/// @param stream what runs the conversions
record WeightConverter(DeviceArena arena, Stream stream) {
    /// {@return the values of a matrix as plain elements of `type`; the matrix itself if it is that
    /// already}
    ///
    /// @throws IllegalArgumentException if the operand is a list or packed by a device
    Tensor plain(Operand matrix, DType type) {
        return switch (matrix) {
            case Tensor tensor -> cast(tensor, type);
            case QuantizedTensor quantized -> dequantised(quantized, type);
            default ->
                    throw new IllegalArgumentException(
                            "cannot convert a weight stored as " + matrix.format());
        };
    }

    /// {@return the elements in F32}
    Tensor inF32(Tensor tensor) {
        return cast(tensor, DType.F32);
    }

    private Tensor cast(Tensor tensor, DType type) {
        if (tensor.dtype() == type) {
            return tensor;
        }
        int columns = Math.toIntExact(tensor.dim(-1));
        int rows = Math.toIntExact(tensor.elements() / Math.max(1, columns));
        Tensor converted = arena.tensor(type, tensor.shape());
        stream.run(
                new Cast(Math.max(1, rows), columns, tensor.dtype(), type),
                Cast.Args.of(tensor.reshape(rows, columns), converted.reshape(rows, columns)));
        return converted;
    }

    private Tensor dequantised(QuantizedTensor quantized, DType type) {
        int rows = Math.toIntExact(quantized.shape().dim(0));
        int columns = Math.toIntExact(quantized.shape().dim(1));
        Tensor plain = arena.tensor(type, rows, columns);
        stream.run(
                Dequantize.of(rows, columns, quantized.scheme(), type),
                Dequantize.Args.of(quantized, plain));
        return plain;
    }
}
