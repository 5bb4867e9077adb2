package dev.halcyon.backend.cpu.scalar;

import dev.halcyon.backend.cpu.loops.AttentionLoops;
import dev.halcyon.backend.cpu.loops.ExpTwo;
import dev.halcyon.backend.cpu.loops.GroupedRows;
import dev.halcyon.backend.cpu.loops.Meanwhile;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// Loops over tiles of attention in plain Java: panels of one lane.
public final class ScalarAttentionLoops implements AttentionLoops {
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;
    private static final int COLUMNS = 4;

    @Override
    public int panelLanes() {
        return 1;
    }

    @Override
    public int columnMultiple() {
        return COLUMNS;
    }

    @Override
    public GroupedRows layout(int columns) {
        return GroupedRows.of(1, 1, columns);
    }

    @Override
    public void widenBf16(
            MemorySegment from,
            long byteOffset,
            MemorySegment memory,
            GroupedRows layout,
            long row,
            int column,
            int n) {
        long to = row + layout.column(column);
        for (int i = 0; i < n; i++) {
            memory.set(
                    FLOAT,
                    to + i * 4L,
                    Float.intBitsToFloat(from.get(SHORT, byteOffset + i * 2L) << 16));
        }
    }

    @Override
    public void scores(
            MemorySegment memory,
            long keys,
            GroupedRows layout,
            int keyCount,
            int dim,
            long queries,
            long scores,
            long part,
            int panels,
            Meanwhile meanwhile) {
        for (int lane = 0; lane < panels; lane++) {
            long query = queries + 4L * lane * dim;
            long out = scores + 4L * lane * BLOCK_KEYS;
            for (int key = 0; key < keyCount; key++) {
                long row = keys + key * layout.stride();
                float score = 0;
                for (int from = 0; from < dim; from += SCORE_RUN) {
                    int end = Math.min(dim, from + SCORE_RUN);
                    float run = 0;
                    for (int k = from; k < end; k++) {
                        run += memory.get(FLOAT, row + k * 4L) * memory.get(FLOAT, query + k * 4L);
                    }
                    score += run;
                }
                memory.set(FLOAT, out + key * 4L, score);
            }
            meanwhile.after((long) keyCount * dim);
        }
    }

    @Override
    public void softmax(
            MemorySegment memory,
            long scores,
            int keyCount,
            float scale,
            long max,
            long sum,
            long correction,
            int panels) {
        for (int lane = 0; lane < panels; lane++) {
            long at = scores + 4L * lane * BLOCK_KEYS;
            float largest = Float.NEGATIVE_INFINITY;
            for (int key = 0; key < keyCount; key++) {
                largest = Math.max(largest, memory.get(FLOAT, at + key * 4L));
            }
            float before = memory.get(FLOAT, max + lane * 4L);
            float after = Math.max(before, largest * scale);
            float shift = after == Float.NEGATIVE_INFINITY ? 0 : after;
            float kept = ExpTwo.of(before - shift);
            float total = 0;
            for (int key = 0; key < keyCount; key++) {
                float weight = ExpTwo.of(memory.get(FLOAT, at + key * 4L) * scale - shift);
                memory.set(FLOAT, at + key * 4L, weight);
                total += weight;
            }
            memory.set(FLOAT, max + lane * 4L, after);
            memory.set(FLOAT, sum + lane * 4L, memory.get(FLOAT, sum + lane * 4L) * kept + total);
            memory.set(FLOAT, correction + lane * 4L, kept);
        }
    }

    @Override
    public void values(
            MemorySegment memory,
            long weights,
            int keyCount,
            long values,
            GroupedRows layout,
            int columns,
            long correction,
            long sums,
            long sumStride,
            float[] part,
            boolean fresh,
            int panels,
            Meanwhile meanwhile) {
        for (int column = 0; column < columns; column += COLUMNS) {
            for (int lane = 0; lane < panels; lane++) {
                long weight = weights + 4L * lane * BLOCK_KEYS;
                long value = values + column * 4L;
                float s0 = 0;
                float s1 = 0;
                float s2 = 0;
                float s3 = 0;
                for (int key = 0; key < keyCount; key++) {
                    float w = memory.get(FLOAT, weight + key * 4L);
                    s0 += w * memory.get(FLOAT, value);
                    s1 += w * memory.get(FLOAT, value + 4);
                    s2 += w * memory.get(FLOAT, value + 8);
                    s3 += w * memory.get(FLOAT, value + 12);
                    value += layout.stride();
                }
                long out = sums + lane * sumStride + column * 4L;
                if (!fresh) {
                    float kept = memory.get(FLOAT, correction + lane * 4L);
                    s0 += kept * memory.get(FLOAT, out);
                    s1 += kept * memory.get(FLOAT, out + 4);
                    s2 += kept * memory.get(FLOAT, out + 8);
                    s3 += kept * memory.get(FLOAT, out + 12);
                }
                memory.set(FLOAT, out, s0);
                memory.set(FLOAT, out + 4, s1);
                memory.set(FLOAT, out + 8, s2);
                memory.set(FLOAT, out + 12, s3);
                meanwhile.after((long) keyCount * COLUMNS);
            }
        }
    }

    @Override
    public void blend(MemorySegment memory, float a, long x, float b, long y, int n) {
        for (int i = 0; i < n; i++) {
            memory.set(
                    FLOAT,
                    x + i * 4L,
                    a * memory.get(FLOAT, x + i * 4L) + b * memory.get(FLOAT, y + i * 4L));
        }
    }

    @Override
    public void addScaled(MemorySegment memory, float factor, long x, float[] row, int n) {
        for (int i = 0; i < n; i++) {
            row[i] += factor * memory.get(FLOAT, x + i * 4L);
        }
    }
}
