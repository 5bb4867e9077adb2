package dev.halcyon.backend.cuda.kernels;

import dev.halcyon.hal.memory.Operand;
import dev.halcyon.hal.memory.QuantizedTensor;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.TensorList;

import java.util.List;
import java.util.function.Function;

/// An operand as device code's `Slices` sees it: slices one behind the other, or a table of their
/// addresses.
///
/// @param first address of the first one; 0 if there is a table
/// @param table address of the table; 0 if there is none
/// @param bytes from one slice to the next
record Slices(long first, long table, long bytes) {
    /// No operand.
    static final Slices NONE = new Slices(0, 0, 0);

    /// {@return the values of an operand, which has no gaps}
    static Slices ofValues(Operand operand, long slices, AddressTable tables) {
        return of(operand, slices, tables, Slices::values);
    }

    /// {@return the scales of a quantized operand, which has no gaps}
    static Slices ofScales(Operand operand, long slices, AddressTable tables) {
        return of(operand, slices, tables, part -> ((QuantizedTensor) part).scales());
    }

    private static Slices of(
            Operand operand, long slices, AddressTable tables, Function<Operand, Tensor> part) {
        if (operand instanceof TensorList list) {
            return new Slices(0, tables.add(tensors(list, part)), 0);
        }
        Tensor tensor = part.apply(operand);
        return new Slices(tensor.address(), 0, tensor.byteSize() / slices);
    }

    /// {@return a tensor of every element of a list}
    static List<Tensor> tensors(TensorList list, Function<Operand, Tensor> part) {
        return list.elements().stream().<Tensor>map(part::apply).toList();
    }

    /// {@return the values of an operand in one piece}
    static Tensor values(Operand operand) {
        return switch (operand) {
            case Tensor tensor -> tensor;
            case QuantizedTensor quantized -> quantized.values();
            default -> throw new IllegalArgumentException("not in one piece of rows: " + operand);
        };
    }

    Params addTo(Params params) {
        return params.address(first).address(table).integer(bytes);
    }
}
