package dev.halcyon.backend.ascend.kernels;

import dev.halcyon.backend.ascend.acl.AclDataType;
import dev.halcyon.backend.ascend.operators.Bits;
import dev.halcyon.backend.ascend.operators.Composition;
import dev.halcyon.backend.ascend.operators.View;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Operand;
import dev.halcyon.hal.memory.QuantizationScheme;
import dev.halcyon.hal.memory.QuantizedTensor;
import dev.halcyon.hal.memory.Shape;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.TensorList;
import dev.halcyon.hal.memory.WeightFormat;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.List;

/// A weight as operators see it: one matrix or batch of matrices, or a list of them, each with the
/// scales of its blocks if it has any.
///
/// @param pieces one for a weight in one piece, one an entry for a list
/// @param format how they are stored
record WeightViews(List<Piece> pieces, WeightFormat format) {
    /// One piece.
    ///
    /// @param values elements; of 4-bit types the bytes
    /// @param scales one a block, or null
    record Piece(View values, @Nullable View scales) {}

    /// {@return a weight without memory, to plan with}
    static WeightViews unbound(WeightFormat format, long... dims) {
        if (format.isListed()) {
            long[] inner = java.util.Arrays.copyOfRange(dims, 1, dims.length);
            List<Piece> pieces = new ArrayList<>();
            for (int i = 0; i < dims[0]; i++) {
                pieces.add(piece(format, inner));
            }
            return new WeightViews(pieces, format);
        }
        return new WeightViews(List.of(piece(format, dims)), format);
    }

    private static Piece piece(WeightFormat format, long... dims) {
        DType dtype = format.dtype();
        long[] stored = dims.clone();
        if (dtype.isPacked()) {
            stored[stored.length - 1] = Math.ceilDiv(stored[stored.length - 1], 2L);
        }
        View values =
                dtype.isPacked()
                        ? View.unbound(AclDataType.UINT8, stored)
                        : View.unbound(dtype, stored);
        View scales =
                format.scheme()
                        .map(
                                scheme ->
                                        View.unbound(
                                                scheme.scales(),
                                                scheme.scaleShape(Shape.of(dims)).toArray()))
                        .orElse(null);
        return new Piece(values, scales);
    }

    /// {@return the views of a weight}
    static WeightViews of(Operand operand) {
        List<Piece> pieces = new ArrayList<>();
        if (operand instanceof TensorList list) {
            list.elements().forEach(element -> pieces.add(pieceOf(element)));
        } else {
            pieces.add(pieceOf(operand));
        }
        return new WeightViews(pieces, operand.format());
    }

    private static Piece pieceOf(Operand operand) {
        return switch (operand) {
            case Tensor tensor -> new Piece(viewOf(tensor), null);
            case QuantizedTensor quantized ->
                    new Piece(viewOf(quantized.values()), View.of(quantized.scales()));
            default ->
                    throw new IllegalArgumentException(
                            "this device has no weight layout \""
                                    + operand.format().layout()
                                    + "\"");
        };
    }

    private static View viewOf(Tensor tensor) {
        return tensor.dtype().isPacked() ? Bits.of(tensor) : View.of(tensor);
    }

    /// {@return whether operators can take the elements as they are}
    boolean isPlain() {
        return format.scheme().isEmpty() && format.dtype().bits() >= 16;
    }

    /// {@return a piece as numbers of `type`, itself if it is that already}
    View numbers(Composition c, int index, AclDataType type) {
        Piece piece = pieces.get(index);
        if (isPlain()) {
            return c.as(type, piece.values());
        }
        DType dtype = format.dtype();
        View decoded =
                dtype.isPacked()
                        ? SmallFloats.decodePairs(c, dtype, piece.values())
                        : SmallFloats.decode(c, dtype, piece.values());
        View scales = piece.scales();
        if (scales != null) {
            c.multiplyBy(decoded, spread(c, scales, decoded));
        }
        return c.as(type, decoded);
    }

    /// {@return every element's scale, FLOAT in scratch}
    private View spread(Composition c, View scales, View values) {
        QuantizationScheme scheme = format.scheme().orElseThrow();
        View numbers =
                scheme.scales() == DType.F8_E8M0
                        ? SmallFloats.decode(c, DType.F8_E8M0, scales)
                        : c.as(AclDataType.FLOAT, scales);
        View wider = spread(c, numbers, values.rank() - 1, values.dim(-1), scheme.blockColumns());
        return spread(c, wider, values.rank() - 2, values.dim(-2), scheme.blockRows());
    }

    private static View spread(Composition c, View scales, int dim, long length, int block) {
        if (block == 1) {
            return scales;
        }
        int[] indices = new int[Math.toIntExact(length)];
        for (int i = 0; i < indices.length; i++) {
            indices[i] = i / block;
        }
        long[] dims = scales.dims().clone();
        dims[dim] = length;
        View spread = c.scratch(AclDataType.FLOAT, dims);
        c.gather(scales, dim, c.table(length + " in blocks of " + block, indices), spread);
        return spread;
    }
}
