package dev.halcyon.backend.cpu.parallel;

import org.jspecify.annotations.Nullable;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;

/// Runs numbered tasks on a fixed set of threads, the caller's among them.
///
/// Worker `w` of `n` begins with the contiguous run of tasks `tasks * w / n` to `tasks * (w + 1) /
/// n` and takes them in order, so that it reads memory as one stream; when it has none left it
/// takes the last tasks of the others, so that neither uneven tasks nor a core that is busy
/// elsewhere hold up a kernel. Kernels cut their work into tasks without asking how many threads
/// there are, nor who runs a task, so results are the same bits for any number of them.
///
/// Nothing is allocated by [#run]. Idle workers spin for a short while and then park.
public final class WorkerPool implements AutoCloseable {
    /// Waking a parked thread costs tens of microseconds, and the next kernel of a decode step
    /// comes sooner than that.
    private static final long SPIN_NANOS = 100_000;

    private static final int SPINS_PER_CLOCK_READ = 32;

    private static final int INDEX_BITS = 22;

    /// Most tasks of a region: two indices and the region's tag share a word.
    private static final int MOST_TASKS = (1 << INDEX_BITS) - 1;

    private static final int TAG_MASK = (1 << 64 - 2 * INDEX_BITS) - 1;

    /// Words from one worker's range to the next: two cache lines, because they are fetched in
    /// pairs.
    private static final int RANGE_STRIDE = 16;

    private final int threads;
    private final Worker[] workers;
    private final ReentrantLock oneRegionAtATime = new ReentrantLock();

    /// What is left of each worker's run: tag of the region, first task, end. The tag keeps a
    /// worker that wakes late from taking a task of a later region for one of its own.
    private final AtomicLongArray ranges;

    /// Tasks of the region that are not finished. The caller waits for these and not for the
    /// workers: one that is still asleep has nothing to do with the result.
    private final AtomicInteger unfinished = new AtomicInteger();

    private volatile int generation;
    private volatile boolean closed;
    private volatile @Nullable Throwable failure;
    private volatile @Nullable Task task;
    private volatile int firstTask;

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
        this.ranges = new AtomicLongArray(threads * RANGE_STRIDE);
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
            failure = null;
            for (int first = 0; first < count && failure == null; first += MOST_TASKS) {
                runRegion(first, Math.min(MOST_TASKS, count - first), work);
            }
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

    private void runRegion(int first, int count, Task work) {
        int region = generation + 1;
        task = work;
        firstTask = first;
        unfinished.set(count);
        for (int w = 0; w < threads; w++) {
            int from = (int) ((long) count * w / threads);
            int to = (int) ((long) count * (w + 1) / threads);
            ranges.set(w * RANGE_STRIDE, range(region, from, to));
        }
        generation = region;
        for (Worker worker : workers) {
            if (worker.parked) {
                LockSupport.unpark(worker);
            }
        }
        share(work, first, region, 0);
        awaitTasks();
    }

    private void share(Task work, int first, int region, int worker) {
        int done = 0;
        for (int turn = 0; turn < threads; turn++) {
            int owner = (worker + turn) % threads;
            int taken = take(owner, region, turn == 0);
            while (taken >= 0) {
                runOne(work, first + taken, worker);
                done++;
                taken = take(owner, region, turn == 0);
            }
        }
        if (done > 0) {
            unfinished.addAndGet(-done);
        }
    }

    /// After a failure the rest of the tasks are only counted.
    private void runOne(Task work, int number, int worker) {
        if (failure != null) {
            return;
        }
        try {
            work.run(number, worker);
        } catch (RuntimeException | Error failed) {
            failure = failed;
        }
    }

    /// {@return the first or last task left of a worker's run, -1 if there is none or the region is
    /// over}
    private int take(int owner, int region, boolean first) {
        int at = owner * RANGE_STRIDE;
        while (true) {
            long left = ranges.get(at);
            int from = (int) (left >>> INDEX_BITS) & MOST_TASKS;
            int to = (int) left & MOST_TASKS;
            if (from >= to || left >>> 2 * INDEX_BITS != (region & TAG_MASK)) {
                return -1;
            }
            long rest = first ? range(region, from + 1, to) : range(region, from, to - 1);
            if (ranges.compareAndSet(at, left, rest)) {
                return first ? from : to - 1;
            }
        }
    }

    private static long range(int region, int from, int to) {
        return (long) (region & TAG_MASK) << 2 * INDEX_BITS | (long) from << INDEX_BITS | to;
    }

    private void awaitTasks() {
        long deadline = 0;
        while (unfinished.get() > 0) {
            for (int i = 0; i < SPINS_PER_CLOCK_READ && unfinished.get() > 0; i++) {
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
                // Read after the generation: if they are a later region's, its tag does not fit.
                Task work = task;
                int first = firstTask;
                if (work != null) {
                    share(work, first, seen, number);
                }
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
