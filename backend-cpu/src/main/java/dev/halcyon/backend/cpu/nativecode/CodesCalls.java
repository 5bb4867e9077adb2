package dev.halcyon.backend.cpu.nativecode;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.invoke.MethodHandle;

/// `codes_amx.c` and `codes_avx512bf16.c`: products of packed BF16 rows with weights of 8- and
/// 4-bit codes and block scales.
///
/// Arguments are as in [Bf16Calls].
public final class CodesCalls {
    /// A block of scales must begin at a multiple of this many columns.
    public static final int BLOCK_STEP = 32;

    private static final FunctionDescriptor MULTIPLY =
            FunctionDescriptor.ofVoid(
                    JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG,
                    JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG,
                    JAVA_LONG, JAVA_LONG, JAVA_LONG);
    private static final MethodHandle TILES = NativeLibrary.function("hcpu_codes_tiles", MULTIPLY);
    private static final MethodHandle VECTORS =
            NativeLibrary.function("hcpu_codes_vectors", MULTIPLY);
    private static final MethodHandle PACK =
            NativeLibrary.function(
                    "hcpu_codes_pack",
                    FunctionDescriptor.ofVoid(
                            JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG,
                            JAVA_LONG, JAVA_LONG, JAVA_LONG));

    private CodesCalls() {}

    /// Sets sums `[rows, 32]` to the products of packed rows with up to 32 rows of a weight.
    ///
    /// @param onTiles whether on tiles rather than on vectors; the rows must be packed for the same
    /// @param type of codes: 0 for F8_E4M3, 1 for F8_E5M2, 2 for F4_E2M1, 3 for I4
    /// @param scaleType 0 for F32, 1 for BF16, 2 for F16, 3 for F8_E8M0
    /// @param scales 0 if there are none
    /// @param blockDepth columns that share a scale: a multiple of [#BLOCK_STEP], or no less than
    ///   the depth
    /// @param turned room for 64 floats a row, and for an even number of rows
    /// @param next codes that the next call reads, with their size
    public static void multiply(
            boolean onTiles,
            int type,
            long codes,
            long pitch,
            int scaleType,
            long scales,
            long scaleColumns,
            long blockRows,
            long blockDepth,
            long weightRow,
            long weightRows,
            long left,
            long rows,
            long depth,
            long turned,
            long sums,
            long next,
            long nextBytes) {
        try {
            if (onTiles) {
                TILES.invokeExact(
                        type,
                        codes,
                        pitch,
                        scaleType,
                        scales,
                        scaleColumns,
                        blockRows,
                        blockDepth,
                        weightRow,
                        weightRows,
                        left,
                        rows,
                        depth,
                        turned,
                        sums,
                        next,
                        nextBytes);
            } else {
                VECTORS.invokeExact(
                        type,
                        codes,
                        pitch,
                        scaleType,
                        scales,
                        scaleColumns,
                        blockRows,
                        blockDepth,
                        weightRow,
                        weightRows,
                        left,
                        rows,
                        depth,
                        turned,
                        sums,
                        next,
                        nextBytes);
            }
        } catch (Throwable failed) {
            throw Downcall.failure(failed);
        }
    }

    /// Packs activations.
    ///
    /// @param forTiles for tiles rather than for vectors
    /// @param firstRow a multiple of [Bf16Calls#BLOCK_ROWS]
    public static void pack(
            boolean forTiles,
            long from,
            long pitch,
            long depth,
            long firstRow,
            long endRow,
            long firstStep,
            long endStep,
            long to) {
        try {
            PACK.invokeExact(
                    from, pitch, forTiles ? 1 : 0, depth, firstRow, endRow, firstStep, endStep, to);
        } catch (Throwable failed) {
            throw Downcall.failure(failed);
        }
    }
}
