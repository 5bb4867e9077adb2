package dev.halcyon.backend.ascend.kernels;

import dev.halcyon.backend.ascend.operators.HostArray;
import dev.halcyon.backend.ascend.operators.HostNumbers;
import dev.halcyon.backend.ascend.operators.Platform;
import dev.halcyon.hal.kernel.attention.MlaDecode;
import dev.halcyon.hal.memory.Tensor;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/// Lengths and pages of a decode step that the host knows.
///
/// @param spec the step
/// @param sequences of the batch
/// @param pages of the pool
/// @param lengths one a sequence
/// @param blockTable the pages of each
/// @param activeRows the number of live sequences; null if all are
record HostSequences(
        MlaDecode spec,
        int sequences,
        long pages,
        HostNumbers lengths,
        HostNumbers blockTable,
        @Nullable HostNumbers activeRows) {
    private static final String FLAG = "hostLengths";

    /// {@return what the host knows of a launch}
    ///
    /// @throws IllegalArgumentException if it does not know one of the three
    static HostSequences of(Platform platform, MlaDecode spec, MlaDecode.Args args) {
        Tensor active = args.activeRows();
        return new HostSequences(
                spec,
                Math.toIntExact(args.lengths().dim(0)),
                args.cache().pages(),
                known(platform, "lengths", FLAG, args.lengths()),
                known(platform, "blockTable", FLAG, args.blockTable()),
                active == null ? null : known(platform, "activeRows", FLAG, active));
    }

    /// {@return what the host knows of an operand}
    ///
    /// @param flag of the spec that says so
    /// @throws IllegalArgumentException if it knows nothing
    static HostNumbers known(Platform platform, String name, String flag, Tensor tensor) {
        HostNumbers numbers = platform.stepInputs().of(tensor);
        if (numbers == null) {
            throw new IllegalArgumentException(
                    name
                            + " is "
                            + tensor
                            + ", which is no tensor of a step input, but the spec says "
                            + flag
                            + "; take the tensor of arena.stepInput, or a spec without "
                            + flag);
        }
        return numbers;
    }

    private int live() {
        return activeRows == null ? sequences : Math.clamp(at(activeRows.now(), 0), 0, sequences);
    }

    private static int at(MemorySegment numbers, long index) {
        return numbers.getAtIndex(ValueLayout.JAVA_INT, index);
    }

    /// {@return whether every live length and page is one that an operator may see}
    ///
    /// A sequence of fewer rows than it has queries is none: what CANN makes of a query without any
    /// row is not written down.
    boolean fit() {
        MemorySegment rows = lengths.now();
        MemorySegment table = blockTable.now();
        int columns = spec.maxPagesPerSequence();
        int live = live();
        for (int b = 0; b < live; b++) {
            int length = at(rows, b);
            boolean legal = length == 0 || length >= spec.queriesPerSequence();
            if (!legal || length > spec.maxLength()) {
                return false;
            }
            long used = spec.cache().pagesFor(length);
            for (long p = 0; p < used; p++) {
                int page = at(table, (long) b * columns + p);
                if (page < 0 || page >= pages) {
                    return false;
                }
            }
        }
        return true;
    }

    /// {@return the cached rows of each sequence, 0 for those that are not live}
    HostArray rows() {
        long[] largest = new long[sequences];
        Arrays.fill(largest, spec.maxLength());
        return new HostArray(
                () -> {
                    MemorySegment now = lengths.now();
                    long[] rows = new long[sequences];
                    int live = live();
                    for (int b = 0; b < live; b++) {
                        rows[b] = at(now, b);
                    }
                    return rows;
                },
                largest);
    }
}
