package dev.halcyon.hal.spi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.halcyon.hal.Counters;
import dev.halcyon.hal.Device;
import dev.halcyon.hal.DeviceOptions;
import dev.halcyon.hal.Expect;
import dev.halcyon.hal.FakeBackend;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Plan;
import dev.halcyon.hal.Support;
import dev.halcyon.hal.error.UnsupportedKernelException;
import dev.halcyon.hal.kernel.elementwise.Axpby;
import dev.halcyon.hal.memory.DType;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;

/// Equal specs share one plan, the cache is bounded, and its counters say what it did.
final class PlanCacheTest {
    private final Device device =
            FakeBackend.builder(DeviceOptions.defaults().withPlanCacheSize(2)).build();

    @AfterEach
    void close() {
        device.close();
    }

    private static Axpby columns(int columns) {
        return Axpby.add(8, columns, DType.F32);
    }

    private void assertCounters(long cached, long hits, long misses, long evictions) {
        Counters counters = device.counters();
        assertEquals(cached, counters.plansCached(), "cached");
        assertEquals(hits, counters.planHits(), "hits");
        assertEquals(misses, counters.planMisses(), "misses");
        assertEquals(evictions, counters.planEvictions(), "evictions");
    }

    @Test
    void equalSpecsAreOnePlan() {
        Plan<Axpby.Args> plan = device.plan(columns(3));
        assertSame(plan, device.plan(columns(3)));
        assertSame(plan, device.plan(columns(3), Limits.workspace(Long.MAX_VALUE)));
        assertEquals(columns(3), plan.spec());
        assertSame(device, plan.device());
    }

    @Test
    void limitsMakeADifference() {
        assertNotSame(device.plan(columns(3)), device.plan(columns(3), Limits.workspace(100)));
        assertCounters(2, 0, 2, 0);
    }

    @Test
    void theLeastRecentlyUsedPlanGoesFirst() {
        Plan<Axpby.Args> one = device.plan(columns(1));
        Plan<Axpby.Args> two = device.plan(columns(2));
        assertCounters(2, 0, 2, 0);
        assertSame(one, device.plan(columns(1)));
        assertCounters(2, 1, 2, 0);
        device.plan(columns(3));
        assertCounters(2, 1, 3, 1);
        assertSame(one, device.plan(columns(1)));
        assertNotSame(two, device.plan(columns(2)));
        assertCounters(2, 2, 4, 2);
    }

    @Test
    void supportIsTheDecisionThatPlanTakes() {
        assertEquals(device.supports(columns(3)), device.plan(columns(3)).support());
        Axpby halves = columns(3).withTypes(DType.F32, DType.F32, DType.F16);
        Support.Declined declined =
                assertInstanceOf(Support.Declined.class, device.supports(halves));
        Expect.thrown(
                UnsupportedKernelException.class,
                () -> device.plan(halves),
                declined.reason().name(),
                declined.detail(),
                declined.whatWouldWork());
    }

    @Test
    void askingForSupportPlansNothing() {
        device.supports(columns(1));
        assertCounters(0, 0, 0, 0);
    }

    @Test
    void aDeclinedSpecIsNoPlanAndKeepsItsReason() {
        Axpby doubles = Axpby.add(1, 1, DType.F64);
        UnsupportedKernelException declined =
                Expect.thrown(
                        UnsupportedKernelException.class,
                        () -> device.plan(doubles),
                        "fake:0",
                        "plan Axpby",
                        "FORMAT",
                        "must be F32, not F64",
                        "what would work: the same spec with F32 operands");
        assertEquals("plan Axpby", declined.failure().operation());
        assertCounters(0, 0, 0, 0);
    }

    @Test
    void manyThreadsGetOnePlan() throws InterruptedException {
        Set<Plan<?>> plans = ConcurrentHashMap.newKeySet();
        CountDownLatch start = new CountDownLatch(1);
        Thread[] threads = new Thread[8];
        for (int i = 0; i < threads.length; i++) {
            threads[i] =
                    Thread.ofPlatform()
                            .start(
                                    () -> {
                                        try {
                                            start.await();
                                        } catch (InterruptedException interrupted) {
                                            return;
                                        }
                                        plans.add(device.plan(columns(5)));
                                    });
        }
        start.countDown();
        for (Thread thread : threads) {
            thread.join();
        }
        assertEquals(1, plans.size());
        assertCounters(1, 7, 1, 0);
    }

    @Test
    void aClosedDevicePlansNothing() {
        device.close();
        Expect.thrown(
                IllegalStateException.class,
                () -> device.plan(columns(1)),
                "plan",
                "fake:0",
                "closed");
        assertThrows(IllegalArgumentException.class, () -> Limits.workspace(-1));
    }
}
