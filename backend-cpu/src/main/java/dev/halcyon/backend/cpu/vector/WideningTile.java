package dev.halcyon.backend.cpu.vector;

import static dev.halcyon.backend.cpu.memory.NativeMemory.ADDRESS_BITS;
import static dev.halcyon.backend.cpu.memory.NativeMemory.ALL;
import static dev.halcyon.backend.cpu.vector.Lanes.COUNT;
import static dev.halcyon.backend.cpu.vector.Lanes.HALF_SHORTS;
import static dev.halcyon.backend.cpu.vector.Lanes.INTS;
import static dev.halcyon.backend.cpu.vector.Lanes.ORDER;

import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;

/// Widens rows of BF16 into a row of a group, a vector a chunk; by address, as at [ScoreTile].
final class WideningTile {
    private static final long HALF_BYTES = 2L * COUNT;
    private static final long CHUNK_BYTES = VectorAttentionLoops.GROUP * 4L * COUNT;
    private static final int SHIFT = 16;

    private WideningTile() {}

    /// Widens some chunks, four at a time: the counting would cost as much as the widening.
    static void bf16(long fromAddress, long toAddress, int chunks) {
        int chunk = 0;
        for (; chunk + 4 <= chunks; chunk += 4) {
            long from = (fromAddress + chunk * HALF_BYTES) & ADDRESS_BITS;
            long to = (toAddress + chunk * CHUNK_BYTES) & ADDRESS_BITS;
            IntVector a = halves(from);
            IntVector b = halves(from + HALF_BYTES);
            IntVector c = halves(from + 2 * HALF_BYTES);
            IntVector d = halves(from + 3 * HALF_BYTES);
            a.lanewise(VectorOperators.LSHL, SHIFT).intoMemorySegment(ALL, to, ORDER);
            b.lanewise(VectorOperators.LSHL, SHIFT).intoMemorySegment(ALL, to + CHUNK_BYTES, ORDER);
            c.lanewise(VectorOperators.LSHL, SHIFT)
                    .intoMemorySegment(ALL, to + 2 * CHUNK_BYTES, ORDER);
            d.lanewise(VectorOperators.LSHL, SHIFT)
                    .intoMemorySegment(ALL, to + 3 * CHUNK_BYTES, ORDER);
        }
        for (; chunk < chunks; chunk++) {
            long from = (fromAddress + chunk * HALF_BYTES) & ADDRESS_BITS;
            long to = (toAddress + chunk * CHUNK_BYTES) & ADDRESS_BITS;
            halves(from).lanewise(VectorOperators.LSHL, SHIFT).intoMemorySegment(ALL, to, ORDER);
        }
    }

    private static IntVector halves(long from) {
        return (IntVector)
                ShortVector.fromMemorySegment(HALF_SHORTS, ALL, from, ORDER)
                        .convertShape(VectorOperators.ZERO_EXTEND_S2I, INTS, 0);
    }
}
