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
