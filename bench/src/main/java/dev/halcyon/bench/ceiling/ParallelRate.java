package dev.halcyon.bench.ceiling;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.CyclicBarrier;
import java.util.function.DoubleSupplier;
import java.util.function.IntFunction;

/// Work a second of a loop that runs on several threads at once.
///
/// @param warmUpNanos how long every thread runs before the first round, and again while that makes
///   it faster
/// @param roundNanos length of a round
/// @param rounds number of rounds
record ParallelRate(long warmUpNanos, long roundNanos, int rounds) {
    /// Enough for the compiler to settle and for one of the rounds to be undisturbed.
    static final ParallelRate THOROUGH = new ParallelRate(200_000_000, 150_000_000, 4);

    /// For loops that are compiled already; the first milliseconds bring the threads together.
    static final ParallelRate BRIEF = new ParallelRate(5_000_000, 30_000_000, 2);

    private static final int MOST_WARM_UPS = 20;
    private static final double FASTER = 1.1;

    /// {@return the rate of the best round: a ceiling is what is possible, not what is usual}
    ///
    /// @param loop gives the loop of each thread, which returns the work it did
    double best(int threads, IntFunction<DoubleSupplier> loop) {
        double[][] rates = new double[threads][rounds];
        CyclicBarrier barrier = new CyclicBarrier(threads);
        List<Thread> others = new ArrayList<>();
        for (int t = 1; t < threads; t++) {
            double[] mine = rates[t];
            DoubleSupplier own = loop.apply(t);
            others.add(
                    Thread.ofPlatform()
                            .name("halcyon-ceiling-" + t)
                            .start(() -> run(barrier, own, mine)));
        }
        run(barrier, loop.apply(0), rates[0]);
        for (Thread other : others) {
            join(other);
        }
        double best = 0;
        for (int round = 0; round < rounds; round++) {
            double sum = 0;
            for (double[] thread : rates) {
                sum += thread[round];
            }
            best = Math.max(best, sum);
        }
        return best;
    }

    private void run(CyclicBarrier barrier, DoubleSupplier loop, double[] rates) {
        double before = measure(loop, warmUpNanos);
        double settled = measure(loop, warmUpNanos);
        for (int more = 0; more < MOST_WARM_UPS && settled > before * FASTER; more++) {
            before = settled;
            settled = measure(loop, warmUpNanos);
        }
        for (int round = 0; round < rounds; round++) {
            await(barrier);
            rates[round] = measure(loop, roundNanos);
        }
    }

    private static double measure(DoubleSupplier loop, long nanos) {
        long start = System.nanoTime();
        double work = 0;
        long now = start;
        while (now - start < nanos) {
            work += loop.getAsDouble();
            now = System.nanoTime();
        }
        return work / (now - start) * 1e9;
    }

    private static void await(CyclicBarrier barrier) {
        try {
            barrier.await();
        } catch (InterruptedException | BrokenBarrierException interrupted) {
            throw new IllegalStateException("measuring was interrupted", interrupted);
        }
    }

    private static void join(Thread thread) {
        try {
            thread.join();
        } catch (InterruptedException interrupted) {
            throw new IllegalStateException("measuring was interrupted", interrupted);
        }
    }
}
