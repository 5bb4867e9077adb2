package dev.halcyon.backend.cpu.parallel;

import org.jspecify.annotations.Nullable;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;

/// Runs numbered tasks on a fixed set of threads, the caller's among them.
///
/// Worker `w` of `n` takes the contiguous run of tasks `tasks * w / n` to `tasks * (w + 1) / n`.
/// Kernels cut their work into tasks without asking how many threads there are, so results are the
/// same bits for any number of them.
///
/// Nothing is allocated by [#run]. Idle workers spin for a short while and then park.
public final class WorkerPool implements AutoCloseable {
    /// Waking a parked thread costs tens of microseconds, and the next kernel of a decode step
    /// comes sooner than that.
    private static final long SPIN_NANOS = 100_000;

    private static final int SPINS_PER_CLOCK_READ = 32;

    private final int threads;
    private final Worker[] workers;
    private final ReentrantLock oneRegionAtATime = new ReentrantLock();
    private final AtomicInteger pending = new AtomicInteger();
    private volatile int generation;
    private volatile boolean closed;
    private volatile @Nullable Throwable failure;
    private @Nullable Task task;
    private int tasks;

    /// One unit of work.
    @FunctionalInterface
    public interface Task {
        /// Does one task.
        ///
        /// @param task its number
        /// @param worker number of the thread that does it, for per-thread scratch memory
        void run(int task, int worker);
    }

    /// Starts a pool.
    ///
    /// @param threads threads that work, the caller of [#run] included
    public WorkerPool(int threads) {
        if (threads < 1) {
            throw new IllegalArgumentException(
                    "a worker pool has at least 1 thread, not " + threads);
        }
        this.threads = threads;
        this.workers = new Worker[threads - 1];
        for (int i = 0; i < workers.length; i++) {
            workers[i] = new Worker(i + 1);
            workers[i].start();
        }
    }

    /// {@return the number of threads that work, and so of scratch areas that a kernel needs}
    public int threads() {
        return threads;
    }

    /// Runs tasks `0` to `count - 1` and returns when all are done.
    ///
    /// Called from within a task it runs the tasks on the calling thread, as worker 0 of a pool of
    /// one; a kernel must not use per-worker scratch memory across such a call.
    ///
    /// @throws RuntimeException what the first task to fail threw
    public void run(int count, Task work) {
        if (threads == 1
                || count <= 1
                || oneRegionAtATime.isHeldByCurrentThread()
                || Thread.currentThread() instanceof Worker) {
            for (int i = 0; i < count; i++) {
                work.run(i, 0);
            }
            return;
        }
        oneRegionAtATime.lock();
        try {
            task = work;
            tasks = count;
            failure = null;
            pending.set(workers.length);
            generation = generation + 1;
            for (Worker worker : workers) {
                if (worker.parked) {
                    LockSupport.unpark(worker);
                }
            }
            share(work, count, 0);
            awaitWorkers();
        } finally {
            task = null;
            oneRegionAtATime.unlock();
        }
        Throwable failed = failure;
        if (failed != null) {
            throw failed instanceof RuntimeException unchecked
                    ? unchecked
                    : new IllegalStateException("a worker failed", failed);
        }
    }

    private void share(Task work, int count, int worker) {
        int from = (int) ((long) count * worker / threads);
        int to = (int) ((long) count * (worker + 1) / threads);
        try {
            for (int i = from; i < to; i++) {
                work.run(i, worker);
            }
        } catch (RuntimeException | Error failed) {
            failure = failed;
        }
    }

    private void awaitWorkers() {
        long deadline = 0;
        while (pending.get() > 0) {
            for (int i = 0; i < SPINS_PER_CLOCK_READ && pending.get() > 0; i++) {
                Thread.onSpinWait();
            }
            long now = System.nanoTime();
            if (deadline == 0) {
                deadline = now + SPIN_NANOS;
            } else if (now > deadline) {
                // The worker may be waiting for this very core.
                Thread.yield();
            }
        }
    }

    /// Stops the threads; no [#run] may be in progress.
    @Override
    public void close() {
        closed = true;
        for (Worker worker : workers) {
            LockSupport.unpark(worker);
        }
    }

    private final class Worker extends Thread {
        private final int number;
        private volatile boolean parked;

        Worker(int number) {
            super("halcyon-cpu-" + number);
            this.number = number;
            setDaemon(true);
        }

        @Override
        public void run() {
            int seen = 0;
            while (true) {
                seen = awaitWork(seen);
                if (closed) {
                    return;
                }
                Task work = task;
                if (work != null) {
                    share(work, tasks, number);
                }
                pending.decrementAndGet();
            }
        }

        private int awaitWork(int seen) {
            long deadline = System.nanoTime() + SPIN_NANOS;
            while (generation == seen && !closed) {
                for (int i = 0; i < SPINS_PER_CLOCK_READ && generation == seen; i++) {
                    Thread.onSpinWait();
                }
                if (generation == seen && System.nanoTime() > deadline) {
                    parked = true;
                    if (generation == seen && !closed) {
                        LockSupport.park(WorkerPool.this);
                    }
                    parked = false;
                }
            }
            return generation;
        }
    }
}
