package dev.halcyon.hal.kernel.linear;

import dev.halcyon.hal.kernel.Operands;
import dev.halcyon.hal.kernel.Require;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.QuantizationScheme;
import dev.halcyon.hal.memory.QuantizedTensor;
import dev.halcyon.hal.memory.Shape;
import dev.halcyon.hal.memory.WeightFormat;

/// What both directions of block quantization check and count alike.
final class Quantization {
    private Quantization() {}

    static void requireScheme(QuantizationScheme scheme, int columns) {
        Require.oneOf(
                "scheme.values",
                scheme.values(),
                DType.F8_E4M3,
                DType.F8_E5M2,
                DType.F4_E2M1,
                DType.I4);
        Require.oneOf(
                "scheme.scales", scheme.scales(), DType.F32, DType.F16, DType.BF16, DType.F8_E8M0);
        Require.that(
                !scheme.values().isPacked() || columns % 2 == 0,
                "columns must be even, because " + scheme.values() + " is packed, not " + columns);
    }

    static long requireRows(
            String name,
            QuantizedTensor tensor,
            QuantizationScheme scheme,
            long maxRows,
            long columns) {
        Require.that(
                tensor.scheme().equals(scheme),
                name + " must have scheme " + scheme + ", not " + tensor.scheme());
        Operands.forEachTensor(tensor, name, Require::contiguous);
        return Require.rows(name + ".values", tensor.values(), scheme.values(), maxRows, columns);
    }

    static double bytes(QuantizationScheme scheme, long rows, long columns) {
        return WeightFormat.rowMajor(scheme).bytes(Shape.of(rows, columns));
    }
}
