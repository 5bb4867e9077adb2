package dev.halcyon.backend.cpu.parallel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;

/// Every task runs once, on one of the pool's threads, from wherever the pool is asked.
class WorkerPoolTest {
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 5})
    void runsEveryTaskOnce(int threads) {
        try (WorkerPool pool = new WorkerPool(threads)) {
            for (int count : new int[] {0, 1, 2, 7, 100}) {
                AtomicIntegerArray runs = new AtomicIntegerArray(100);
                pool.run(
                        count,
                        (task, worker) -> {
                            assertTrue(worker >= 0 && worker < threads, "worker " + worker);
                            runs.incrementAndGet(task);
                        });
                for (int task = 0; task < 100; task++) {
                    assertEquals(
                            task < count ? 1 : 0, runs.get(task), "task " + task + " of " + count);
                }
            }
        }
    }

    /// Regions of a few empty tasks follow each other so closely that workers of the last one are
    /// still looking for work when the next has begun.
    @Test
    void keepsRegionsApart() {
        try (WorkerPool pool = new WorkerPool(4)) {
            for (int region = 0; region < 200_000; region++) {
                int count = 2 + region % 6;
                AtomicInteger sum = new AtomicInteger();
                pool.run(count, (task, worker) -> sum.addAndGet(1 << 4 * task));
                assertEquals((1 << 4 * count) - 1, 15 * sum.get(), "region " + region);
            }
        }
    }

    @Test
    void takesOverFromAWorkerThatIsHeldUp() {
        try (WorkerPool pool = new WorkerPool(2)) {
            AtomicInteger others = new AtomicInteger();
            assertTimeoutPreemptively(
                    Duration.ofMinutes(1),
                    () ->
                            pool.run(
                                    100,
                                    (task, worker) -> {
                                        if (task > 0) {
                                            others.incrementAndGet();
                                            return;
                                        }
                                        while (others.get() < 99) {
                                            Thread.onSpinWait();
                                        }
                                    }));
            assertEquals(99, others.get());
        }
    }

    @Test
    void runsMoreTasksThanARangeHolds() {
        try (WorkerPool pool = new WorkerPool(3)) {
            AtomicInteger runs = new AtomicInteger();
            AtomicInteger last = new AtomicInteger();
            pool.run(
                    9_000_000,
                    (task, worker) -> {
                        runs.incrementAndGet();
                        if (task == 8_999_999) {
                            last.set(task);
                        }
                    });
            assertEquals(9_000_000, runs.get());
            assertEquals(8_999_999, last.get());
        }
    }

    @Test
    void runsTasksOfTasksWhereTheyAreAsked() {
        try (WorkerPool pool = new WorkerPool(3)) {
            AtomicInteger inner = new AtomicInteger();
            WorkerPool.Task count =
                    (task, worker) -> {
                        assertEquals(0, worker);
                        inner.incrementAndGet();
                    };
            assertTimeoutPreemptively(
                    Duration.ofMinutes(1),
                    () -> pool.run(12, (task, worker) -> pool.run(5, count)));
            assertEquals(60, inner.get());
        }
    }

    @Test
    void passesOnWhatATaskThrows() {
        try (WorkerPool pool = new WorkerPool(3)) {
            for (int failing : new int[] {0, 4, 8}) {
                IllegalStateException thrown =
                        assertThrows(
                                IllegalStateException.class,
                                () ->
                                        pool.run(
                                                9,
                                                (task, worker) -> {
                                                    if (task == failing) {
                                                        throw new IllegalStateException(
                                                                "task " + task);
                                                    }
                                                }));
                assertEquals("task " + failing, thrown.getMessage());
            }
        }
    }

    @Test
    void hasAtLeastOneThread() {
        assertThrows(IllegalArgumentException.class, () -> new WorkerPool(0));
    }
}
