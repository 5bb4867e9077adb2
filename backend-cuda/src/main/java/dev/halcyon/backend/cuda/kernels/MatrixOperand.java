package dev.halcyon.backend.cuda.kernels;

import dev.halcyon.hal.Support;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Operand;
import dev.halcyon.hal.memory.QuantizationScheme;
import dev.halcyon.hal.memory.QuantizedTensor;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.TensorList;
import dev.halcyon.hal.memory.WeightFormat;
import dev.halcyon.hal.spi.Decision;

import org.jspecify.annotations.Nullable;

import java.util.List;

/// A side of a product as device code sees it: rows by k, wherever its elements and scales are.
///
/// @param values the elements; of a list, those of its first matrix
/// @param scales the scales, likewise; null if there are none
/// @param scheme how scales belong to elements; null if there are none
/// @param exchanged whether memory has k by rows
/// @param batched whether every matrix of the batch has its own
/// @param valueTable address of the addresses of all matrices' elements; 0 if they lie one behind
///   the other
/// @param scaleTable likewise of their scales
/// @param isAligned whether all rows in memory begin at multiples of 16 bytes
record MatrixOperand(
        Tensor values,
        @Nullable Tensor scales,
        @Nullable QuantizationScheme scheme,
        boolean exchanged,
        boolean batched,
        long valueTable,
        long scaleTable,
        boolean isAligned) {
    private static final int WIDE_BYTES = 16;

    /// {@return why a product of these types has no kernel, or null if it has}
    static <A extends KernelArgs> @Nullable Decision<A, CudaWork> refusal(
            String spec, DType a, WeightFormat b, DType out, DType accumulate) {
        if (ElementTypes.isWide(a, b.dtype(), out, accumulate)) {
            return ElementTypes.declineWide(spec);
        }
        if (!b.isRowMajor()) {
            return Decision.refused(
                    Support.Reason.FORMAT,
                    spec + " on a GPU takes weights in rows, not " + b,
                    "row-major weights");
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

    /// {@return the bytes of the tables that a weight of this format needs}
    static long tableBytes(WeightFormat format, long matrices) {
        return format.isListed() ? 2 * AddressTable.bytes(matrices) : 0;
    }

    /// {@return an operand with rows of the product as rows, or as columns if `exchanged`}
    ///
    /// @param tables where the addresses of a list go
    static MatrixOperand of(Operand operand, boolean exchanged, AddressTable tables) {
        if (!(operand instanceof TensorList list)) {
            return of(operand, exchanged);
        }
        List<Tensor> values = Slices.tensors(list, Slices::values);
        boolean scaled = list.elements().getFirst() instanceof QuantizedTensor;
        MatrixOperand first = of(list.elements().getFirst(), exchanged);
        return new MatrixOperand(
                first.values,
                first.scales,
                first.scheme,
                exchanged,
                false,
                tables.add(values),
                scaled
                        ? tables.add(
                                Slices.tensors(list, part -> ((QuantizedTensor) part).scales()))
                        : 0,
                values.stream().allMatch(MatrixOperand::isAligned));
    }

    /// {@return an operand that is no list}
    static MatrixOperand of(Operand operand, boolean exchanged) {
        QuantizedTensor quantized = operand instanceof QuantizedTensor scaled ? scaled : null;
        Tensor values = Slices.values(operand);
        return new MatrixOperand(
                values,
                quantized == null ? null : quantized.scales(),
                quantized == null ? null : quantized.scheme(),
                exchanged,
                values.rank() == 3,
                0,
                0,
                isAligned(values));
    }

    private static boolean isAligned(Tensor tensor) {
        int elements = WIDE_BYTES * 8 / tensor.dtype().bits();
        for (int i = 0; i < tensor.rank() - 1; i++) {
            if (tensor.dim(i) > 1 && tensor.stride(i) % elements != 0) {
                return false;
            }
        }
        return tensor.address() % WIDE_BYTES == 0;
    }

    private static long stride(Tensor tensor, int index) {
        // Where there is one element, its stride may be anything.
        return index == -1 ? 1 : tensor.stride(index);
    }

    private long batchStride(Tensor tensor) {
        return batched ? tensor.stride(0) : 0;
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
            params.integer(0).integer(1).integer(1).integer(0).integer(0).integer(0);
        } else {
            params.integer(ElementTypes.code(scales.dtype()))
                    .integer(scheme.blockRows())
                    .integer(scheme.blockColumns())
                    .integer(scales.stride(-2))
                    .integer(batchStride(scales))
                    .integer(exchanged ? 1 : 0);
        }
        return params.address(valueTable).address(scaleTable);
    }
}
