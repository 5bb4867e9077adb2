package dev.halcyon.bench.suite;

import java.util.Arrays;

/// Which elements of a result are compared.
final class Samples {
    private static final double GOLDEN = 0.618_033_988_749_894_8;

    private Samples() {}

    /// {@return up to `count` different indices below `length`, the first and the last among them,
    /// scattered so that they meet tiles of every size at different places}
    static int[] indices(int length, int count) {
        int wanted = Math.min(length, count);
        int[] picked = new int[wanted];
        for (int i = 0; i < wanted; i++) {
            picked[i] = i == 0 ? 0 : i == wanted - 1 ? length - 1 : (int) (i * GOLDEN % 1 * length);
        }
        return Arrays.stream(picked).distinct().sorted().toArray();
    }

    /// {@return the same for positions in a large result}
    static long[] positions(long length, int count) {
        int wanted = (int) Math.min(length, count);
        long[] picked = new long[wanted];
        for (int i = 0; i < wanted; i++) {
            picked[i] =
                    i == 0 ? 0 : i == wanted - 1 ? length - 1 : (long) (i * GOLDEN % 1 * length);
        }
        return Arrays.stream(picked).distinct().sorted().toArray();
    }
}
