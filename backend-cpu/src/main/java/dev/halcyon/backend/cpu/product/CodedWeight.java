package dev.halcyon.backend.cpu.product;

import dev.halcyon.backend.cpu.memory.NativeMemory;
import dev.halcyon.backend.cpu.nativecode.Bf16Calls;
import dev.halcyon.backend.cpu.nativecode.CodesCalls;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.QuantizationScheme;
import dev.halcyon.hal.memory.WeightFormat;

/// A weight of 8- or 4-bit codes as the native kernels take it.
///
/// The codes become BF16, which is exact, while they are in the first-level cache; the scale of a
/// block multiplies the F32 sum over it.
final class CodedWeight {
    /// Rows of the weight that a call takes.
    static final int ROWS = Bf16Calls.PANEL_COLUMNS;

    private static final long TURNED_BYTES = 64L * Float.BYTES;

    private final ProductShape shape;
    private final Weights weights;
    private final boolean onTiles;
    private final int codeType;
    private final int scaleType;
    private final long scaleBytes;
    private final int blockRows;
    private final int blockDepth;

    /// @param onTiles whether calls are on tiles rather than on vectors
    CodedWeight(ProductShape shape, Weights weights, boolean onTiles) {
        this.shape = shape;
        this.weights = weights;
        this.onTiles = onTiles;
        WeightFormat format = shape.right();
        this.codeType = codeType(format.dtype());
        QuantizationScheme scheme = format.scheme().orElse(null);
        this.scaleType = scheme == null ? 0 : scaleType(scheme.scales());
        this.scaleBytes = scheme == null ? 0 : scheme.scales().bits() / 8;
        this.blockRows = scheme == null ? 1 : scheme.blockRows();
        this.blockDepth = scheme == null ? Integer.MAX_VALUE : scheme.blockColumns();
    }

    /// {@return whether the native kernels multiply by the right-hand side of this shape}
    static boolean takes(ProductShape shape) {
        WeightFormat format = shape.right();
        if (shape.leftTransposed()
                || !shape.rightTransposed()
                || shape.symmetric()
                || !format.isRowMajor()
                || codeType(format.dtype()) < 0) {
            return false;
        }
        boolean packed = format.dtype().isPacked();
        if (format.scheme().isEmpty()) {
            return !packed;
        }
        QuantizationScheme scheme = format.scheme().get();
        return scaleType(scheme.scales()) >= 0
                && (!packed || (shape.maxDepth() & 1) == 0)
                && (scheme.blockColumns() % CodesCalls.BLOCK_STEP == 0
                        || scheme.blockColumns() >= shape.maxDepth());
    }

    private static int codeType(DType type) {
        return switch (type) {
            case F8_E4M3 -> 0;
            case F8_E5M2 -> 1;
            case F4_E2M1 -> 2;
            case I4 -> 3;
            default -> -1;
        };
    }

    private static int scaleType(DType type) {
        return switch (type) {
            case F32 -> 0;
            case BF16 -> 1;
            case F16 -> 2;
            case F8_E8M0 -> 3;
            default -> -1;
        };
    }

    /// {@return bytes of [#multiply]'s room for turned sums}
    static long turnedBytes(int rows) {
        return Math.ceilDiv(rows, 2) * 2L * TURNED_BYTES;
    }

    /// Sets sums `[rows][32]` to the products of packed rows with some rows of the weight.
    ///
    /// @param row the first row of the weight
    /// @param count how many, at most [#ROWS]
    /// @param packed the packed rows
    /// @param turned [#turnedBytes] of room
    void multiply(
            int group,
            int depth,
            int row,
            int count,
            long packed,
            int rows,
            long turned,
            long sums) {
        long rowBytes = weights.rowBytes();
        long bytes =
                NativeMemory.extent(shape.columns(), rowBytes, shape.right().dtype().bytes(depth));
        long codes = NativeMemory.address(weights.segment(group), weights.at(group, 0), bytes);
        CodesCalls.multiply(
                onTiles,
                codeType,
                codes,
                rowBytes,
                scaleType,
                scaleBytes == 0 ? 0 : scales(group, depth),
                weights.scaleColumns(),
                blockRows,
                blockDepth,
                row,
                count,
                packed,
                rows,
                depth,
                turned,
                sums,
                codes + (row + ROWS) * rowBytes,
                ROWS * rowBytes);
    }

    private long scales(int group, int depth) {
        long rows = Math.ceilDiv(shape.columns(), blockRows);
        long columns = Math.ceilDiv(depth, blockDepth);
        long bytes =
                NativeMemory.extent(
                        rows, weights.scaleColumns() * scaleBytes, columns * scaleBytes);
        return NativeMemory.address(weights.scaleSegment(group), weights.scalesAt(group), bytes);
    }
}
