package dev.halcyon.backend.cpu.product;

import dev.halcyon.backend.cpu.loops.MatrixLoops;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.QuantizationScheme;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/// The sums of one task with tiles along k: packed rows of one group times a block of columns, left
/// as F32 in the thread's sums.
final class RowsProduct {
    private final MatrixLoops loops;
    private final Weights right;
    private final boolean direct;
    private final boolean bf16;
    private final boolean coded;
    private final int blockColumns;
    private final int planes;
    private final int taskColumns;
    private final int partialsARow;
    private final int tailPitch;
    private final MemorySegment scratch;
    private final long areasAt;
    private final ProductPlan.Area area;

    RowsProduct(ProductPlan plan, Weights right, MemorySegment scratch) {
        this.loops = plan.loops();
        this.right = right;
        this.direct = Weights.isDirect(plan.right());
        this.bf16 = plan.right().dtype() == DType.BF16;
        this.planes = Weights.planes(plan.right());
        this.blockColumns = plan.right().scheme().map(QuantizationScheme::blockColumns).orElse(1);
        this.coded =
                plan.right().scheme().isPresent()
                        && loops.takesCodes(plan.right().dtype(), blockColumns);
        this.taskColumns = plan.taskColumns();
        this.partialsARow = MatrixLoops.WEIGHT_ROWS * loops.lanes();
        this.tailPitch = plan.tailPitch();
        this.scratch = scratch;
        this.areasAt = plan.areasAt();
        this.area = plan.area();
    }

    /// Computes one task.
    void compute(
            int group,
            int rows,
            int depth,
            long leftAt,
            int column,
            int columns,
            int worker,
            TaskSums sums) {
        if (coded) {
            computeCodes(group, rows, depth, leftAt, column, columns, worker, sums);
            return;
        }
        float[] partials = sums.partials();
        long base = areasAt + worker * area.bytes();
        long pitch = LeftPacker.rowPitch(loops, depth);
        int main = depth - depth % (planes * loops.lanes());
        // A single tile reads its weight rows from end to end, as the memory likes it.
        boolean once = direct && rows <= loops.dotTile(rows);
        int chunk = once ? Math.max(main, 1) : ProductPlan.ROWS_DEPTH;
        for (int j = 0; j < columns; j += MatrixLoops.WEIGHT_ROWS) {
            int count = Math.min(MatrixLoops.WEIGHT_ROWS, columns - j);
            Arrays.fill(partials, 0, rows * partialsARow, 0);
            for (int k = 0; k < main; k += chunk) {
                int steps = Math.min(chunk, main - k);
                if (direct) {
                    dotDirect(
                            group,
                            rows,
                            leftAt + (long) k * Float.BYTES,
                            pitch,
                            column + j,
                            count,
                            k,
                            steps,
                            partials);
                } else {
                    for (int i = 0; i < count; i++) {
                        long to =
                                base
                                        + area.decoded()
                                        + (long) i * ProductPlan.ROWS_DEPTH * Float.BYTES;
                        right.decodeBlock(
                                loops,
                                group,
                                column + j + i,
                                k,
                                steps,
                                scratch,
                                base + area.scales(),
                                to);
                    }
                    long decodedPitch = (long) ProductPlan.ROWS_DEPTH * Float.BYTES;
                    long left = leftAt + (long) k * Float.BYTES;
                    dotScratch(
                            rows,
                            left,
                            pitch,
                            count,
                            base + area.decoded(),
                            decodedPitch,
                            steps,
                            partials);
                }
            }
            if (main < depth) {
                dotTails(
                        group,
                        rows,
                        leftAt + (long) main * Float.BYTES,
                        pitch,
                        column + j,
                        1,
                        count,
                        main,
                        depth,
                        base,
                        partials);
            }
            for (int i = 0; i < rows; i++) {
                loops.reduce(
                        count, partials, i * partialsARow, sums.results(), i * taskColumns + j);
            }
        }
    }

    /// Takes rows of the weight four at a time that are far from each other: a prefetcher follows
    /// one stream a page.
    private void computeCodes(
            int group,
            int rows,
            int depth,
            long leftAt,
            int column,
            int columns,
            int worker,
            TaskSums sums) {
        int gap = columns / MatrixLoops.WEIGHT_ROWS;
        int rest = columns % MatrixLoops.WEIGHT_ROWS;
        sums.forgetBands();
        for (int j = 0; j < gap; j++) {
            multiplyCodes(
                    group,
                    rows,
                    depth,
                    leftAt,
                    column,
                    j,
                    gap,
                    MatrixLoops.WEIGHT_ROWS,
                    worker,
                    sums);
        }
        if (rest > 0) {
            multiplyCodes(
                    group, rows, depth, leftAt, column, columns - rest, 1, rest, worker, sums);
        }
    }

    /// Multiplies by `count` rows of codes, `gap` rows apart.
    private void multiplyCodes(
            int group,
            int rows,
            int depth,
            long leftAt,
            int column,
            int first,
            int gap,
            int count,
            int worker,
            TaskSums sums) {
        float[] partials = sums.partials();
        long pitch = LeftPacker.rowPitch(loops, depth);
        int main = depth - depth % (planes * loops.lanes());
        int blocks = Math.ceilDiv(depth, blockColumns);
        float[] scales = sums.scales(MatrixLoops.WEIGHT_ROWS * blocks);
        int w0 = column + first;
        int w1 = w0 + Math.min(1, count - 1) * gap;
        int w2 = w0 + Math.min(2, count - 1) * gap;
        int w3 = w0 + Math.min(3, count - 1) * gap;
        for (int n = 0; n < count; n++) {
            int row = w0 + n * gap;
            if (sums.isNewBand(n, right.scaleBand(row))) {
                right.readScales(group, row, depth, scales, n * blocks);
            }
        }
        Arrays.fill(partials, 0, rows * partialsARow, 0);
        int row = 0;
        while (row < rows) {
            int tile = loops.dotTile(rows - row);
            loops.dotCodes(
                    right.format().dtype(),
                    tile,
                    scratch,
                    leftAt + row * pitch,
                    pitch,
                    right.segment(group),
                    right.at(group, w0),
                    right.at(group, w1),
                    right.at(group, w2),
                    right.at(group, w3),
                    main,
                    blockColumns,
                    scales,
                    blocks,
                    partials,
                    row * partialsARow);
            row += tile;
        }
        if (main < depth) {
            long left = leftAt + (long) main * Float.BYTES;
            long base = areasAt + worker * area.bytes();
            dotTails(group, rows, left, pitch, w0, gap, count, main, depth, base, partials);
        }
        for (int i = 0; i < rows; i++) {
            for (int n = 0; n < count; n++) {
                loops.reduce(
                        1,
                        partials,
                        i * partialsARow + n * loops.lanes(),
                        sums.results(),
                        i * taskColumns + first + n * gap);
            }
        }
    }

    private void dotDirect(
            int group,
            int rows,
            long leftAt,
            long pitch,
            int column,
            int count,
            int k,
            int steps,
            float[] sums) {
        MemorySegment weights = right.segment(group);
        long w0 = right.at(group, column, k);
        long w1 = right.at(group, column + Math.min(1, count - 1), k);
        long w2 = right.at(group, column + Math.min(2, count - 1), k);
        long w3 = right.at(group, column + Math.min(3, count - 1), k);
        int row = 0;
        while (row < rows) {
            int tile = loops.dotTile(rows - row);
            long left = leftAt + row * pitch;
            if (bf16) {
                loops.dotBf16(
                        tile,
                        scratch,
                        left,
                        pitch,
                        weights,
                        w0,
                        w1,
                        w2,
                        w3,
                        steps,
                        sums,
                        row * partialsARow);
            } else {
                loops.dotF32(
                        tile,
                        scratch,
                        left,
                        pitch,
                        weights,
                        w0,
                        w1,
                        w2,
                        w3,
                        steps,
                        sums,
                        row * partialsARow);
            }
            row += tile;
        }
    }

    private void dotScratch(
            int rows,
            long leftAt,
            long pitch,
            int count,
            long weightAt,
            long weightPitch,
            int steps,
            float[] sums) {
        long w1 = weightAt + Math.min(1, count - 1) * weightPitch;
        long w2 = weightAt + Math.min(2, count - 1) * weightPitch;
        long w3 = weightAt + Math.min(3, count - 1) * weightPitch;
        int row = 0;
        while (row < rows) {
            int tile = loops.dotTile(rows - row);
            long left = leftAt + row * pitch;
            loops.dotF32(
                    tile,
                    scratch,
                    left,
                    pitch,
                    scratch,
                    weightAt,
                    w1,
                    w2,
                    w3,
                    steps,
                    sums,
                    row * partialsARow);
            row += tile;
        }
    }

    private void dotTails(
            int group,
            int rows,
            long leftAt,
            long pitch,
            int column,
            int gap,
            int count,
            int main,
            int depth,
            long base,
            float[] sums) {
        int tail = depth - main;
        int padded = Math.ceilDiv(tail, loops.lanes()) * loops.lanes();
        for (int i = 0; i < count; i++) {
            long to = base + area.tails() + (long) i * tailPitch;
            right.decodeRun(group, column + i * gap, main, tail, scratch, to, Float.BYTES);
            Elements.clear(scratch, to + (long) tail * Float.BYTES, Float.BYTES, padded - tail);
        }
        dotScratch(rows, leftAt, pitch, count, base + area.tails(), tailPitch, padded, sums);
    }
}
