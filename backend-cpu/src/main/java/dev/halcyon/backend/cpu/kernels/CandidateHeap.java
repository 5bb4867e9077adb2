package dev.halcyon.backend.cpu.kernels;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// The candidates of one row of logits, best first, taken one by one: a binary heap in the
/// workspace.
///
/// Building it takes time in proportion to the vocabulary, and then only the candidates that are
/// wanted are sorted. A candidate is one `long`, smaller for a better one: its logit, turned so
/// that integers order as floats do downwards, above its id.
final class CandidateHeap {
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;

    private final MemorySegment memory;
    private final long offset;
    private int size;
    private int added;

    /// Makes an empty heap.
    ///
    /// @param memory where it may keep eight bytes a candidate
    /// @param offset first byte of that
    CandidateHeap(MemorySegment memory, long offset) {
        this.memory = memory;
        this.offset = offset;
    }

    /// Makes the heap empty.
    void clear() {
        size = 0;
        added = 0;
    }

    /// Adds a candidate, which is not a heap until [#order].
    ///
    /// @param logit no NaN
    void add(float logit, int id) {
        // Adding zero turns the negative zero into the positive one; they are equal, so the id must
        // decide.
        int bits = Float.floatToRawIntBits(logit + 0f);
        int ascending = bits ^ (bits >> 31 & 0x7fffffff);
        set(size++, (long) ~ascending << 32 | id);
    }

    /// Makes a heap of what was added.
    void order() {
        added = size;
        for (int i = size / 2 - 1; i >= 0; i--) {
            sink(i, get(i));
        }
    }

    /// {@return the number of candidates left}
    int size() {
        return size;
    }

    /// {@return the id of the best candidate left, which is taken out}
    int take() {
        long best = get(0);
        size--;
        if (size > 0) {
            sink(0, get(size));
        }
        set(size, best);
        return (int) best;
    }

    /// {@return the id that call number `rank` of [#take] since [#order] gave out, counted from 0}
    int taken(int rank) {
        return (int) get(added - 1 - rank);
    }

    private void sink(int from, long value) {
        int at = from;
        for (int child = 2 * at + 1; child < size; child = 2 * at + 1) {
            if (child + 1 < size && get(child + 1) < get(child)) {
                child++;
            }
            long smaller = get(child);
            if (value <= smaller) {
                break;
            }
            set(at, smaller);
            at = child;
        }
        set(at, value);
    }

    private long get(int i) {
        return memory.get(LONG, offset + 8L * i);
    }

    private void set(int i, long value) {
        memory.set(LONG, offset + 8L * i, value);
    }
}
