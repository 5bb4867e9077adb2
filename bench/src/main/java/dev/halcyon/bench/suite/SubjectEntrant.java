package dev.halcyon.bench.suite;

import com.sun.management.ThreadMXBean;

import dev.halcyon.bench.round.Entrant;
import dev.halcyon.hal.error.HalException;

import java.lang.management.ManagementFactory;

/// The device under test, running a workload.
final class SubjectEntrant implements Entrant {
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    private final String name;
    private final Workload workload;
    private int turn;
    private double allocatedBytes = Double.POSITIVE_INFINITY;

    SubjectEntrant(String name, Workload workload) {
        this.name = name;
        this.workload = workload;
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public double[] run(int times) {
        double[] seconds = new double[times];
        long before = THREADS.getTotalThreadAllocatedBytes();
        try {
            for (int i = 0; i < times; i++) {
                long start = System.nanoTime();
                workload.run(turn++);
                seconds[i] = (System.nanoTime() - start) / 1e9;
            }
        } catch (HalException failed) {
            throw new EntrantFailure(String.valueOf(failed.getMessage()));
        }
        double each = (double) (THREADS.getTotalThreadAllocatedBytes() - before) / times;
        allocatedBytes = Math.min(allocatedBytes, each);
        return seconds;
    }

    /// {@return the fewest bytes that a run allocated on the Java heap, on average over a turn}
    double allocatedBytes() {
        return allocatedBytes;
    }
}
