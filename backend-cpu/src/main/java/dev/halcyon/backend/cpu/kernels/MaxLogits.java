package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.hal.memory.Tensor;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// The largest logit of each head: kept by each worker for itself and compared at the end. A
/// maximum is the same in whatever order it is taken, so it does not matter which worker saw what.
final class MaxLogits {
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

    private final @Nullable Rows result;
    private final MemorySegment memory;
    private final long start;
    private final int heads;
    private final int threads;

    /// Uses [#bytes] of `memory` from `start`.
    ///
    /// @param result the optional `F32 [heads]`
    MaxLogits(@Nullable Tensor result, MemorySegment memory, long start, int heads, int threads) {
        this.result = Rows.flatOrNull(result);
        this.memory = memory;
        this.start = start;
        this.heads = heads;
        this.threads = threads;
    }

    /// {@return the scratch memory needed, a multiple of 64}
    static long bytes(int heads, int threads) {
        return Math.ceilDiv(4L * heads * threads, 64) * 64;
    }

    /// Forgets everything.
    void clear() {
        if (result != null) {
            for (long i = 0; i < (long) heads * threads; i++) {
                memory.set(FLOAT, start + 4 * i, Float.NEGATIVE_INFINITY);
            }
        }
    }

    /// {@return whether anybody wants to know}
    boolean wanted() {
        return result != null;
    }

    /// Notes a base-2 logit.
    void raise(int worker, int head, float logit) {
        long at = at(worker, head);
        memory.set(FLOAT, at, Math.max(memory.get(FLOAT, at), logit));
    }

    /// Writes the result.
    void write() {
        if (result == null) {
            return;
        }
        for (int head = 0; head < heads; head++) {
            float max = Float.NEGATIVE_INFINITY;
            for (int worker = 0; worker < threads; worker++) {
                max = Math.max(max, memory.get(FLOAT, at(worker, head)));
            }
            result.setFloat(0, head, OnlineSoftmax.natural(max));
        }
    }

    private long at(int worker, int head) {
        return start + 4 * ((long) worker * heads + head);
    }
}
