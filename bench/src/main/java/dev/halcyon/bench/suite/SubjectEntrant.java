package dev.halcyon.bench.suite;

import dev.halcyon.bench.round.Entrant;
import dev.halcyon.hal.error.HalException;

/// The device under test, running a workload.
final class SubjectEntrant implements Entrant {
    private final String name;
    private final Workload workload;
    private int turn;

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
        try {
            for (int i = 0; i < times; i++) {
                long start = System.nanoTime();
                workload.run(turn++);
                seconds[i] = (System.nanoTime() - start) / 1e9;
            }
        } catch (HalException failed) {
            throw new EntrantFailure(String.valueOf(failed.getMessage()));
        }
        return seconds;
    }
}
