package dev.halcyon.backend.cuda.kernels;

import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.WeightFormat;

/// How a product runs: the end of its kernels' names, and what a block computes.
///
/// @param suffix the end of the name
/// @param rows rows of a block's tile
/// @param columns columns of a block's tile
/// @param threads threads of a block
record ProductForm(String suffix, int rows, int columns, int threads) {
    private static final ProductForm FMA = new ProductForm("_fma", 64, 64, 256);

    /// Up to so many rows there is no use for a taller tile.
    private static final int FLAT_ROWS = 16;

    private static final int LARGE_TILE = 128;

    /// With fewer large tiles a good part of a GPU would have nothing to do.
    private static final int ENOUGH_TILES = 64;

    /// Products along k between two scales that the matrix units do at once.
    private static final int STEP = 16;

    private static final int COPY_BITS = 128;

    /// {@return whether the matrix units take these types}
    ///
    /// @param exchanged whether memory has one of the sides with k as rows
    static boolean isForMatrixUnits(DType a, WeightFormat b, boolean exchanged) {
        if (b.scheme().isPresent()) {
            return a == DType.BF16
                    && isCode(b.dtype())
                    && isScale(b.scheme().get().scales())
                    && !exchanged
                    && b.scheme().get().blockColumns() % STEP == 0;
        }
        return (a == DType.BF16 || a == DType.F16) && b.dtype() == a;
    }

    private static boolean isCode(DType dtype) {
        return switch (dtype) {
            case F8_E4M3, F8_E5M2, F4_E2M1, I4 -> true;
            default -> false;
        };
    }

    private static boolean isScale(DType dtype) {
        return switch (dtype) {
            case F32, F16, BF16, F8_E8M0 -> true;
            default -> false;
        };
    }

    /// {@return the form for a product of these operands}
    ///
    /// @param batch how many products there are
    /// @param rows rows of each, or about as many
    /// @param columns columns of each
    /// @param depth how long sums are
    static ProductForm of(
            MatrixOperand a, MatrixOperand b, long batch, long rows, long columns, long depth) {
        DType type = a.values().dtype();
        WeightFormat weight =
                b.scheme() == null
                        ? WeightFormat.rowMajor(b.values().dtype())
                        : WeightFormat.rowMajor(b.scheme());
        if (!isForMatrixUnits(type, weight, a.exchanged() || b.exchanged())) {
            return FMA;
        }
        boolean isAligned = a.isAligned() && b.isAligned() && !a.exchanged();
        boolean isFlat = rows <= FLAT_ROWS;
        if (weight.scheme().isPresent()) {
            int bits = b.values().dtype().bits();
            String codes = bits == 8 ? "_bytes" : "_nibbles";
            boolean isWide = isAligned && depth % (COPY_BITS / bits) == 0;
            return isWide && isFlat
                    ? new ProductForm(codes + "_flat", FLAT_ROWS, 64, 128)
                    : new ProductForm(codes + (isWide ? "_small" : "_plain"), 64, 64, 128);
        }
        if (!isAligned || type == DType.F16) {
            return new ProductForm(type == DType.F16 ? "_f16" : "_bf16", 64, 64, 128);
        }
        String order = b.exchanged() ? "_nn" : "_nt";
        if (isFlat) {
            return new ProductForm("_bf16_flat" + order, FLAT_ROWS, 64, 128);
        }
        long large = Math.ceilDiv(rows, LARGE_TILE) * Math.ceilDiv(columns, LARGE_TILE) * batch;
        return rows >= LARGE_TILE && columns >= LARGE_TILE && large >= ENOUGH_TILES
                ? new ProductForm("_bf16_large" + order, LARGE_TILE, LARGE_TILE, 256)
                : new ProductForm("_bf16_small" + order, 64, 64, 128);
    }

    /// {@return tiles of this many rows}
    long rowTiles(long count) {
        return Math.ceilDiv(count, rows);
    }

    /// {@return tiles of this many columns}
    long columnTiles(long count) {
        return Math.ceilDiv(count, columns);
    }
}
