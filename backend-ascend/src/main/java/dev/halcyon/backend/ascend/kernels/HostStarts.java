package dev.halcyon.backend.ascend.kernels;

import dev.halcyon.backend.ascend.operators.HostArray;
import dev.halcyon.backend.ascend.operators.HostNumbers;
import dev.halcyon.backend.ascend.operators.Platform;
import dev.halcyon.hal.kernel.attention.MlaPrefill;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/// Where the sequences of a prefill begin, which the host knows.
///
/// @param isCausal whether a query sees no later key
/// @param sequences how many there are
/// @param queries rows of queries
/// @param keys rows of keys
/// @param queryStart first query of each and the end of the last
/// @param keyStart first key of each and the end of the last
record HostStarts(
        boolean isCausal,
        int sequences,
        long queries,
        long keys,
        HostNumbers queryStart,
        HostNumbers keyStart) {
    /// {@return what the host knows of a launch}
    ///
    /// @throws IllegalArgumentException if it does not know one of the two
    static HostStarts of(Platform platform, MlaPrefill spec, MlaPrefill.Args args) {
        return new HostStarts(
                spec.causal(),
                Math.toIntExact(args.queryStart().dim(0) - 1),
                args.query().dim(0),
                args.key().dim(0),
                HostSequences.known(platform, "queryStart", "hostStarts", args.queryStart()),
                HostSequences.known(platform, "keyStart", "hostStarts", args.keyStart()));
    }

    private static int at(MemorySegment numbers, long index) {
        return numbers.getAtIndex(ValueLayout.JAVA_INT, index);
    }

    /// {@return whether the operator takes these sequences}
    ///
    /// They fill the rows, and every query sees a key: what CANN makes of rows of no sequence, and
    /// of a query without any key, is not written down.
    boolean fit() {
        MemorySegment ofQueries = queryStart.now();
        MemorySegment ofKeys = keyStart.now();
        boolean fill =
                at(ofQueries, 0) == 0
                        && at(ofKeys, 0) == 0
                        && at(ofQueries, sequences) == queries
                        && at(ofKeys, sequences) == keys;
        for (int b = 0; fill && b < sequences; b++) {
            long n = at(ofQueries, b + 1) - (long) at(ofQueries, b);
            long m = at(ofKeys, b + 1) - (long) at(ofKeys, b);
            fill = n > 0 && m >= (isCausal ? n : 1);
        }
        return fill;
    }

    /// {@return the ends of the sequences' queries}
    HostArray queryEnds() {
        return ends(queryStart, queries);
    }

    /// {@return the ends of the sequences' keys}
    HostArray keyEnds() {
        return ends(keyStart, keys);
    }

    private HostArray ends(HostNumbers starts, long rows) {
        long[] largest = new long[sequences];
        Arrays.fill(largest, rows);
        return new HostArray(
                () -> {
                    MemorySegment now = starts.now();
                    long[] ends = new long[sequences];
                    for (int b = 0; b < sequences; b++) {
                        ends[b] = at(now, b + 1L);
                    }
                    return ends;
                },
                largest);
    }
}
