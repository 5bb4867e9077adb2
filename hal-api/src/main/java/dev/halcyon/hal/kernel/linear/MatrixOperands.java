package dev.halcyon.hal.kernel.linear;

import dev.halcyon.hal.kernel.Require;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Operand;
import dev.halcyon.hal.memory.Shape;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.WeightFormat;

/// What the products have in common: which types they take, and how their right-hand side is
/// checked and counted.
final class MatrixOperands {
    private MatrixOperands() {}

    static void requireTypes(DType a, WeightFormat b, DType out, DType accumulate) {
        Require.oneOf(
                "a", a, DType.F64, DType.F32, DType.F16, DType.BF16, DType.F8_E4M3, DType.F8_E5M2);
        if (b.scheme().isEmpty()) {
            Require.oneOf(
                    "b",
                    b.dtype(),
                    DType.F64,
                    DType.F32,
                    DType.F16,
                    DType.BF16,
                    DType.F8_E4M3,
                    DType.F8_E5M2);
        }
        Require.activation("out", out);
        Require.oneOf("accumulate", accumulate, DType.F32, DType.F64);
    }

    /// Checks format and shape; a plain tensor may have gaps between its rows, anything else may
    /// not.
    static void requireMatrix(String name, Operand operand, WeightFormat format, long... dims) {
        if (operand instanceof Tensor tensor
                && format.equals(WeightFormat.rowMajor(format.dtype()))) {
            Require.tensor(name, tensor, format.dtype(), dims);
        } else {
            Require.weight(name, operand, format, dims);
        }
    }

    static double bytes(WeightFormat format, long matrices, long rows, long columns) {
        return format.bytes(Shape.of(matrices, rows, columns));
    }
}
