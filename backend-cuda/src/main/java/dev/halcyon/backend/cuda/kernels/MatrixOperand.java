package dev.halcyon.backend.cuda.kernels;

import dev.halcyon.hal.Support;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Operand;
import dev.halcyon.hal.memory.QuantizationScheme;
import dev.halcyon.hal.memory.QuantizedTensor;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.WeightFormat;
import dev.halcyon.hal.spi.Decision;

import org.jspecify.annotations.Nullable;

/// A side of a product as device code sees it: rows by k, wherever its elements and scales are.
///
/// @param values the elements
/// @param scales the scales; null if there are none
/// @param scheme how scales belong to elements; null if there are none
/// @param exchanged whether memory has k by rows
/// @param batched whether every matrix of the batch has its own
record MatrixOperand(
        Tensor values,
        @Nullable Tensor scales,
        @Nullable QuantizationScheme scheme,
        boolean exchanged,
        boolean batched) {
    private static final int WIDE_BYTES = 16;

    /// {@return why a product of these types has no kernel, or null if it has}
    static <A extends KernelArgs> @Nullable Decision<A, CudaWork> refusal(
            String spec, DType a, WeightFormat b, DType out, DType accumulate) {
        if (ElementTypes.isWide(a, b.dtype(), out, accumulate)) {
            return ElementTypes.declineWide(spec);
        }
        if (b.isListed() || !b.isRowMajor()) {
            return Decision.refused(
                    Support.Reason.FORMAT,
                    spec + " on a GPU takes weights in one piece of rows, not " + b,
                    "row-major weights in one tensor");
        }
        boolean scaled = b.scheme().isPresent();
        if (!ElementTypes.isWeight(b.dtype())
                || scaled && !ElementTypes.isWeight(b.scheme().get().scales())) {
            return Decision.refused(
                    Support.Reason.FORMAT,
                    spec + " on a GPU does not know weights of " + b,
                    "values of F32, F16, BF16, FP8 or 4 bits, scales of F32, BF16 or F8_E8M0");
        }
        return null;
    }

    /// {@return whether the matrix units take these types}
    static boolean isForMatrixUnits(DType a, WeightFormat b) {
        return a == DType.BF16 && b.equals(WeightFormat.rowMajor(DType.BF16));
    }

    /// {@return an operand with rows of the product as rows, or as columns if `exchanged`}
    static MatrixOperand of(Operand operand, boolean exchanged) {
        return switch (operand) {
            case Tensor tensor ->
                    new MatrixOperand(tensor, null, null, exchanged, tensor.rank() == 3);
            case QuantizedTensor quantized ->
                    new MatrixOperand(
                            quantized.values(),
                            quantized.scales(),
                            quantized.scheme(),
                            exchanged,
                            quantized.values().rank() == 3);
            default -> throw new IllegalArgumentException("not a matrix in rows: " + operand);
        };
    }

    private static long stride(Tensor tensor, int index) {
        // Where there is one element, its stride may be anything.
        return index == -1 ? 1 : tensor.stride(index);
    }

    private long batchStride(Tensor tensor) {
        return batched ? tensor.stride(0) : 0;
    }

    /// {@return whether rows along k can be loaded 16 bytes at a time}
    boolean isWide(long depth) {
        int elements = WIDE_BYTES * 8 / values.dtype().bits();
        return !exchanged
                && depth % elements == 0
                && values.address() % WIDE_BYTES == 0
                && values.stride(-2) % elements == 0
                && batchStride(values) % elements == 0;
    }

    /// Adds the fields of device code's `Matrix`.
    Params addTo(Params params) {
        params.address(values)
                .address(scales)
                .integer(ElementTypes.code(values.dtype()))
                .integer(stride(values, exchanged ? -1 : -2))
                .integer(stride(values, exchanged ? -2 : -1))
                .integer(batchStride(values));
        if (scales == null || scheme == null) {
            return params.integer(0).integer(1).integer(1).integer(0).integer(0).integer(0);
        }
        return params.integer(ElementTypes.code(scales.dtype()))
                .integer(scheme.blockRows())
                .integer(scheme.blockColumns())
                .integer(scales.stride(-2))
                .integer(batchStride(scales))
                .integer(exchanged ? 1 : 0);
    }
}
