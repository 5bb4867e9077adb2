package dev.halcyon.bench.suite;

import dev.halcyon.bench.ceiling.MachineMemory;
import dev.halcyon.bench.problem.Problem;

/// How many copies of its weights or caches a cold problem needs.
///
/// Runs go round; when a copy's turn comes again, twice as much as the caches hold has passed.
///
/// @param count copies
/// @param limited whether the memory allows no more, so that something may stay in a cache
record Copies(int count, boolean limited) {
    private static final int CACHES = 2;
    private static final double SHARE_OF_MEMORY = 0.6;

    /// @param contestants how many hold copies of their own
    static Copies of(Problem problem, int contestants) {
        return of(
                problem,
                MachineMemory.lastLevelCacheBytes(),
                (long) (MachineMemory.availableBytes() * SHARE_OF_MEMORY / contestants));
    }

    static Copies of(Problem problem, long cacheBytes, long memoryBytes) {
        if (problem.coldBytes() == 0) {
            return new Copies(1, false);
        }
        long wanted = Math.ceilDiv(CACHES * cacheBytes, problem.coldBytes());
        long affordable = Math.max(1, memoryBytes / problem.bytesPerCopy());
        return new Copies((int) Math.clamp(wanted, 1, affordable), affordable < wanted);
    }

    String note() {
        return limited ? "the memory holds fewer copies than the caches call for" : "";
    }
}
