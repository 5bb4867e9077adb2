package dev.halcyon.hal.kernel.optimizer;

import dev.halcyon.hal.kernel.Require;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Operand;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.TensorList;
import dev.halcyon.hal.memory.WeightFormat;

import java.util.List;

/// What an optimizer step takes as "matrices": a tensor of one matrix, a tensor of several, or a
/// list with one address each.
public final class Matrices {
    private Matrices() {}

    /// {@return matrix `index` of an operand, as a tensor of rank 2}
    ///
    /// @throws IndexOutOfBoundsException if there is no such matrix
    /// @throws IllegalArgumentException if the operand is neither a tensor of rank 2 or 3 nor a
    ///   list of matrices
    public static Tensor get(Operand operand, int index) {
        return switch (operand) {
            case Tensor tensor when tensor.rank() == 2 -> List.of(tensor).get(index);
            case Tensor tensor when tensor.rank() == 3 -> tensor.get(index);
            case TensorList list
                    when list.elements().get(index) instanceof Tensor tensor
                            && tensor.rank() == 2 ->
                    tensor;
            default ->
                    throw new IllegalArgumentException(
                            operand.format()
                                    + " "
                                    + operand.shape()
                                    + " does not consist of plain matrices");
        };
    }

    /// Checks type, shape and contiguity.
    static void require(
            String name, Operand operand, DType dtype, int matrices, int rows, int columns) {
        WeightFormat format = WeightFormat.rowMajor(dtype);
        if (operand instanceof TensorList) {
            Require.weight(name, operand, format.listed(), matrices, rows, columns);
        } else if (matrices == 1 && operand.shape().rank() == 2) {
            Require.weight(name, operand, format, rows, columns);
        } else {
            Require.weight(name, operand, format, matrices, rows, columns);
        }
    }
}
