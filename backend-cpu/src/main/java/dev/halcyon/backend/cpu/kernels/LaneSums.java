package dev.halcyon.backend.cpu.kernels;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// Where a partial result of attention keeps what it knows of its lanes, and how partial results
/// over disjoint keys are weighed against each other.
///
/// Of each lane: a base-2 logit m that the rest is relative to (minus infinity if it saw no key),
/// the sum of `2^(z - m)`, and the sums of weighted values, not yet divided. The layout is `F32
/// [lanes]`, `F32 [lanes]`, and rows of `stride` bytes.
///
/// Source: FlashMLA (merging by log-sum-exp, sink).
///
/// @param lanes lanes
/// @param stride bytes from one lane's sums to the next one's
record LaneSums(int lanes, long stride) {
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
    private static final double LN2 = Math.log(2);
    private static final long ALIGNMENT = 64;
    private static final long ALIASED_BYTES = 1024;

    /// {@return the layout for lanes of so many columns}
    static LaneSums of(int lanes, int columns) {
        return new LaneSums(lanes, rowBytes(columns));
    }

    static long aligned(long bytes) {
        return Math.ceilDiv(bytes, ALIGNMENT) * ALIGNMENT;
    }

    /// Rows a multiple of the page size apart share a few cache sets, so such a row gets a gap.
    static long rowBytes(int floats) {
        long bytes = aligned(4L * floats);
        return bytes % ALIASED_BYTES == 0 ? bytes + ALIGNMENT : bytes;
    }

    /// {@return the size of a partial result}
    long bytes() {
        return row(lanes);
    }

    /// {@return where the sums of `2^(z - m)` begin}
    long totals() {
        return 4L * lanes;
    }

    /// {@return where a lane's weighted values begin}
    long row(int lane) {
        return aligned(8L * lanes) + lane * stride;
    }

    /// Empties a partial result.
    void clear(MemorySegment memory, long partial) {
        for (int lane = 0; lane < lanes; lane++) {
            memory.set(FLOAT, partial + lane * 4L, Float.NEGATIVE_INFINITY);
            memory.set(FLOAT, partial + (lanes + lane) * 4L, 0f);
        }
    }

    /// {@return the base-2 logit that a lane's sums are relative to; minus infinity if it saw no
    /// key}
    float reference(MemorySegment memory, long partial, int lane) {
        return memory.get(FLOAT, partial + lane * 4L);
    }

    /// {@return a lane's sum of `2^(z - m)`}
    float total(MemorySegment memory, long partial, int lane) {
        return memory.get(FLOAT, partial + (lanes + lane) * 4L);
    }

    /// Finds what the partial results of a lane are multiplied by to merge and divide them and to
    /// apply the sink.
    ///
    /// @param partial the first of `parts` partial results, which lie one behind the other
    /// @param sink minus infinity for none
    /// @param factors receives them; 0 for a part without keys, whose sums were never written
    /// @return the natural log-sum-exp without the sink, plus infinity if the lane saw no key
    float weigh(
            MemorySegment memory, long partial, int parts, int lane, float sink, float[] factors) {
        float max = Float.NEGATIVE_INFINITY;
        for (int p = 0; p < parts; p++) {
            factors[p] = reference(memory, partial + p * bytes(), lane);
            max = Math.max(max, factors[p]);
        }
        if (max == Float.NEGATIVE_INFINITY) {
            for (int p = 0; p < parts; p++) {
                factors[p] = 0;
            }
            return Float.POSITIVE_INFINITY;
        }
        double total = 0;
        for (int p = 0; p < parts; p++) {
            if (factors[p] == Float.NEGATIVE_INFINITY) {
                factors[p] = 0;
                continue;
            }
            factors[p] =
                    factors[p] == max ? 1 : (float) Math.exp(((double) factors[p] - max) * LN2);
            total += (double) factors[p] * total(memory, partial + p * bytes(), lane);
        }
        double logSumExp = max * LN2 + Math.log(total);
        double kept = 1 / (1 + Math.exp(sink - logSumExp)) / total;
        for (int p = 0; p < parts; p++) {
            factors[p] = (float) (factors[p] * kept);
        }
        return (float) logSumExp;
    }
}
