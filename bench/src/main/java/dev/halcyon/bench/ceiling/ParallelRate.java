package dev.halcyon.bench.ceiling;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.CyclicBarrier;
import java.util.function.DoubleSupplier;

/// Work a second of a loop that runs on several threads at once.
final class ParallelRate {
    private static final long WARM_UP_NANOS = 400_000_000;
    private static final long MEASURED_NANOS = 150_000_000;
    private static final int ROUNDS = 4;

    private ParallelRate() {}

    /// {@return the rate of the best round: a ceiling is what is possible, not what is usual}
    static double best(int threads, DoubleSupplier loop) {
        double[][] rates = new double[threads][ROUNDS];
        CyclicBarrier barrier = new CyclicBarrier(threads);
        List<Thread> others = new ArrayList<>();
        for (int t = 1; t < threads; t++) {
            double[] mine = rates[t];
            others.add(Thread.ofPlatform().name("halcyon-ceiling-" + t).start(() -> run(barrier, loop, mine)));
        }
        run(barrier, loop, rates[0]);
        for (Thread other : others) {
            join(other);
        }
        double best = 0;
        for (int round = 0; round < ROUNDS; round++) {
            double sum = 0;
            for (double[] thread : rates) {
                sum += thread[round];
            }
            best = Math.max(best, sum);
        }
        return best;
    }

    private static void run(CyclicBarrier barrier, DoubleSupplier loop, double[] rates) {
        measure(loop, WARM_UP_NANOS);
        for (int round = 0; round < ROUNDS; round++) {
            await(barrier);
            rates[round] = measure(loop, MEASURED_NANOS);
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
