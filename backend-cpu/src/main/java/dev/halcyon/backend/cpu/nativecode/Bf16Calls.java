package dev.halcyon.backend.cpu.nativecode;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.halcyon.backend.cpu.memory.NativeMemory;

import java.lang.foreign.FunctionDescriptor;
import java.lang.invoke.MethodHandle;

/// `bf16_amx.c`, `bf16_avx512bf16.c`, `pack_avx512bf16.c` and `store_avx512bf16.c`: products of
/// packed BF16 rows with BF16 panels, what packs both, and what stores the sums.
///
/// All arguments that are not counts or factors are addresses, from [NativeMemory]; pitches count
/// bytes. The C files say what is where.
public final class Bf16Calls {
    /// Depth of a chunk of packed left-hand rows.
    public static final int CHUNK_DEPTH = 512;

    /// Depth of a step, to which packed rows are padded.
    public static final int STEP_DEPTH = 32;

    /// Rows of a block of packed left-hand rows.
    public static final int BLOCK_ROWS = 16;

    /// Columns of a panel.
    public static final int PANEL_COLUMNS = 32;

    private static final FunctionDescriptor MULTIPLY =
            FunctionDescriptor.ofVoid(
                    JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_INT,
                    JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG);
    private static final FunctionDescriptor PACK =
            FunctionDescriptor.ofVoid(
                    JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG);
    private static final MethodHandle TILES = NativeLibrary.function("hcpu_bf16_tiles", MULTIPLY);
    private static final MethodHandle VECTORS =
            NativeLibrary.function("hcpu_bf16_vectors", MULTIPLY);
    private static final MethodHandle PACK_ROWS =
            NativeLibrary.function("hcpu_bf16_pack_rows", PACK);
    private static final MethodHandle PACK_COLUMNS =
            NativeLibrary.function("hcpu_bf16_pack_columns", PACK);
    private static final MethodHandle PACK_LEFT =
            NativeLibrary.function(
                    "hcpu_bf16_pack_left",
                    FunctionDescriptor.ofVoid(
                            JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG,
                            JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG));
    private static final MethodHandle STORE =
            NativeLibrary.function(
                    "hcpu_store",
                    FunctionDescriptor.ofVoid(
                            JAVA_INT,
                            JAVA_LONG,
                            JAVA_LONG,
                            JAVA_LONG,
                            JAVA_LONG,
                            JAVA_FLOAT,
                            JAVA_FLOAT,
                            JAVA_LONG,
                            JAVA_LONG,
                            JAVA_LONG,
                            JAVA_LONG));
    private static final MethodHandle MIRROR =
            NativeLibrary.function(
                    "hcpu_mirror",
                    FunctionDescriptor.ofVoid(
                            JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG));

    private Bf16Calls() {}

    /// Adds the products of packed rows and one panel to sums, or sets them if `first`, on tiles.
    ///
    /// @param left rows of one chunk, or of several if there are no more than [#BLOCK_ROWS]
    /// @param pairs depth in pairs
    /// @param nextPanel what a later call reads, with its size; 0 bytes for nothing
    /// @param nextLeft the same of the left-hand side
    public static void tiles(
            long left,
            long rows,
            long panel,
            long pairs,
            long sums,
            long sumsPitch,
            boolean first,
            long nextPanel,
            long nextPanelBytes,
            long nextLeft,
            long nextLeftBytes) {
        try {
            TILES.invokeExact(
                    left,
                    rows,
                    panel,
                    pairs,
                    sums,
                    sumsPitch,
                    first ? 1 : 0,
                    nextPanel,
                    nextPanelBytes,
                    nextLeft,
                    nextLeftBytes);
        } catch (Throwable failed) {
            throw Downcall.failure(failed);
        }
    }

    /// As [#tiles], on vectors.
    public static void vectors(
            long left,
            long rows,
            long panel,
            long pairs,
            long sums,
            long sumsPitch,
            boolean first) {
        try {
            VECTORS.invokeExact(
                    left, rows, panel, pairs, sums, sumsPitch, first ? 1 : 0, 0L, 0L, 0L, 0L);
        } catch (Throwable failed) {
            throw Downcall.failure(failed);
        }
    }

    /// Packs some rows and chunks of a unit of left-hand rows.
    ///
    /// @param from the unit's first element
    /// @param transposed whether it is stored `[depth, rows]`
    /// @param firstRow a multiple of [#BLOCK_ROWS]
    public static void packLeft(
            long from,
            long pitch,
            boolean transposed,
            long unitRows,
            long depth,
            long firstRow,
            long endRow,
            long firstChunk,
            long endChunk,
            long to) {
        try {
            PACK_LEFT.invokeExact(
                    from,
                    pitch,
                    transposed ? 1 : 0,
                    unitRows,
                    depth,
                    firstRow,
                    endRow,
                    firstChunk,
                    endChunk,
                    to);
        } catch (Throwable failed) {
            throw Downcall.failure(failed);
        }
    }

    /// Packs the panels of some columns from `[columns, depth]`.
    public static void packRows(
            long from, long pitch, long columns, long depth, long to, long panelPitch) {
        try {
            PACK_ROWS.invokeExact(from, pitch, columns, depth, to, panelPitch);
        } catch (Throwable failed) {
            throw Downcall.failure(failed);
        }
    }

    /// Packs the panels of some columns from `[depth, columns]`.
    public static void packColumns(
            long from, long pitch, long columns, long depth, long to, long panelPitch) {
        try {
            PACK_COLUMNS.invokeExact(from, pitch, columns, depth, to, panelPitch);
        } catch (Throwable failed) {
            throw Downcall.failure(failed);
        }
    }

    /// Stores `alpha * sums + beta * addend`.
    ///
    /// @param type 0 for F32, 1 for BF16, 2 for F16
    public static void store(
            int type,
            long sums,
            long sumsPitch,
            long rows,
            long columns,
            float alpha,
            float beta,
            long addend,
            long addendPitch,
            long out,
            long outPitch) {
        try {
            STORE.invokeExact(
                    type,
                    sums,
                    sumsPitch,
                    rows,
                    columns,
                    alpha,
                    beta,
                    addend,
                    addendPitch,
                    out,
                    outPitch);
        } catch (Throwable failed) {
            throw Downcall.failure(failed);
        }
    }

    /// Copies what is above the diagonal of a square matrix below it, for some rows.
    ///
    /// @param wide whether elements have 32 bits rather than 16
    /// @param firstRow a multiple of 16
    public static void mirror(boolean wide, long matrix, long pitch, long firstRow, long endRow) {
        try {
            MIRROR.invokeExact(wide ? 1 : 0, matrix, pitch, firstRow, endRow);
        } catch (Throwable failed) {
            throw Downcall.failure(failed);
        }
    }
}
