package dev.halcyon.backend.cpu.product;

import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Shape;
import dev.halcyon.hal.memory.WeightFormat;

/// The packed layout of plain F32 and BF16 weights: panels of some rows of the weight, each one
/// stream along k.
///
/// With P rows a panel, row `r` and column `k` of an F32 weight lie at element `[r / P][k][r % P]`;
/// of a BF16 weight, whose columns are padded to an even number, at `[r / P][k / 2][r % P][k % 2]`,
/// so that one 32-bit word holds two neighbours of a row. Rows are padded to a multiple of P;
/// padding is zero. The matrices of a stack begin at multiples of 64 bytes.
///
/// @param dtype F32 or BF16
/// @param panelRows P: results that a register tile computes side by side
/// @param rows rows of the weight, outputs
/// @param columns columns of the weight, the length of the sums
public record PanelLayout(DType dtype, int panelRows, long rows, long columns) {
    private static final String PREFIX = "panel";
    private static final long ALIGNMENT = 64;

    /// {@return the name of the layout with this many rows a panel}
    public static String name(int panelRows) {
        return PREFIX + panelRows;
    }

    /// {@return whether weights of this type and scaling can be packed}
    public static boolean takes(WeightFormat format) {
        return format.scheme().isEmpty()
                && (format.dtype() == DType.F32 || format.dtype() == DType.BF16);
    }

    /// {@return the layout of the matrices of a weight with this shape}
    public static PanelLayout of(DType dtype, int panelRows, Shape shape) {
        return new PanelLayout(dtype, panelRows, shape.dim(-2), shape.dim(-1));
    }

    /// {@return the number of panels of a matrix}
    public long panels() {
        return Math.ceilDiv(rows, panelRows);
    }

    /// {@return columns with padding}
    public long paddedColumns() {
        return dtype == DType.BF16 ? columns + (columns & 1) : columns;
    }

    /// {@return bytes of a panel}
    public long panelBytes() {
        return dtype.bytes(Math.multiplyExact(panelRows, paddedColumns()));
    }

    /// {@return bytes from a matrix of a stack to the next}
    public long matrixBytes() {
        return Math.ceilDiv(Math.multiplyExact(panels(), panelBytes()), ALIGNMENT) * ALIGNMENT;
    }
}
