package dev.halcyon.backend.cpu.product;

import dev.halcyon.backend.cpu.memory.NativeMemory;
import dev.halcyon.backend.cpu.nativecode.Bf16Calls;
import dev.halcyon.backend.cpu.nativecode.CodesCalls;
import dev.halcyon.backend.cpu.nativecode.NativeLevel;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.QuantizationScheme;
import dev.halcyon.hal.memory.WeightFormat;

/// Tasks of a product of BF16 rows with a weight of 8- or 4-bit codes.
///
/// The codes become BF16, which is exact, while they are in the first-level cache; the scale of a
/// block multiplies the F32 sum over it.
final class CodesTask implements NativeTask {
    private static final int WEIGHT_ROWS = Bf16Calls.PANEL_COLUMNS;

    private final ProductShape shape;
    private final Matrices left;
    private final Weights right;
    private final NativeStore store;
    private final boolean onTiles;
    private final int taskPanels;
    private final long areas;
    private final long areaBytes;
    private final long turnedAt;
    private final int codeType;
    private final int scaleType;
    private final long scaleBytes;
    private final int blockRows;
    private final int blockDepth;

    CodesTask(
            Bf16Plan plan,
            Matrices left,
            Weights right,
            Matrices addend,
            Matrices out,
            long areas) {
        this.shape = plan.shape();
        this.left = left;
        this.right = right;
        this.store = new NativeStore(shape, addend, out);
        this.onTiles = plan.level().includes(NativeLevel.AMX);
        this.taskPanels = plan.taskPanels();
        this.areas = areas;
        this.areaBytes = plan.areaBytes();
        this.turnedAt = plan.panelsAt();
        WeightFormat format = shape.right();
        this.codeType = codeType(format.dtype());
        QuantizationScheme scheme = format.scheme().orElse(null);
        this.scaleType = scheme == null ? 0 : scaleType(scheme.scales());
        this.scaleBytes = scheme == null ? 0 : scheme.scales().bits() / 8;
        this.blockRows = scheme == null ? 1 : scheme.blockRows();
        this.blockDepth = scheme == null ? Integer.MAX_VALUE : scheme.blockColumns();
    }

    /// {@return whether these tasks compute products of this shape}
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

    /// {@return bytes of a row in [CodesCalls#multiply]'s room for turned sums}
    static long turnedBytes(int rows) {
        return Math.ceilDiv(rows, 2) * 2L * 64 * Float.BYTES;
    }

    @Override
    public void pack(
            int group,
            int unitRow,
            int unitRows,
            int depth,
            int firstRow,
            int endRow,
            int firstChunk,
            int endChunk,
            long to) {
        long bytes = NativeMemory.extent(unitRows, left.rowBytes(), depth * (long) Short.BYTES);
        int steps = Math.ceilDiv(depth, Bf16Calls.STEP_DEPTH);
        int chunkSteps = Bf16Calls.CHUNK_DEPTH / Bf16Calls.STEP_DEPTH;
        CodesCalls.pack(
                onTiles,
                NativeMemory.address(left.segment(group), left.at(group, unitRow, 0), bytes),
                left.rowBytes(),
                depth,
                firstRow,
                endRow,
                (long) firstChunk * chunkSteps,
                Math.min((long) endChunk * chunkSteps, steps),
                to);
    }

    @Override
    public void compute(
            int group, int unitRow, int rows, int depth, long packed, int panel, int worker) {
        int end = Math.min((panel + taskPanels) * WEIGHT_ROWS, shape.columns());
        long sums = areas + worker * areaBytes;
        long rowBytes = right.rowBytes();
        long codes =
                NativeMemory.address(
                        right.segment(group),
                        right.at(group, 0),
                        NativeMemory.extent(
                                shape.columns(), rowBytes, shape.right().dtype().bytes(depth)));
        long scales = scaleBytes == 0 ? 0 : scales(group, depth);
        for (int row = panel * WEIGHT_ROWS; row < end; row += WEIGHT_ROWS) {
            int count = Math.min(WEIGHT_ROWS, end - row);
            CodesCalls.multiply(
                    onTiles,
                    codeType,
                    codes,
                    rowBytes,
                    scaleType,
                    scales,
                    right.scaleColumns(),
                    blockRows,
                    blockDepth,
                    row,
                    count,
                    packed,
                    rows,
                    depth,
                    sums + turnedAt,
                    sums,
                    codes + (row + WEIGHT_ROWS) * rowBytes,
                    WEIGHT_ROWS * rowBytes);
            store.store(group, unitRow, rows, row, count, sums, Bf16Plan.SUM_BYTES);
        }
    }

    private long scales(int group, int depth) {
        long rows = Math.ceilDiv(shape.columns(), blockRows);
        long columns = Math.ceilDiv(depth, blockDepth);
        long bytes =
                NativeMemory.extent(rows, right.scaleColumns() * scaleBytes, columns * scaleBytes);
        return NativeMemory.address(right.scaleSegment(group), right.scalesAt(group), bytes);
    }
}
