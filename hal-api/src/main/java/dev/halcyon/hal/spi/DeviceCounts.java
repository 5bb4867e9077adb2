package dev.halcyon.hal.spi;

import dev.halcyon.hal.Counters;

import java.util.concurrent.atomic.LongAdder;

/// Counts what a device does; see [Counters].
///
/// *Threads.* Usable from any thread.
public final class DeviceCounts {
    private final LongAdder submits = new LongAdder();
    private final LongAdder replays = new LongAdder();
    private final LongAdder fallbacks = new LongAdder();
    private final LongAdder faults = new LongAdder();

    /// Counts the launch of a kernel.
    public void submit() {
        submits.increment();
    }

    /// Counts the replay of a graph and the launches in it.
    public void replay(long launches) {
        replays.increment();
        submits.add(launches);
    }

    /// Counts a submit that ran on another device.
    public void fallback() {
        fallbacks.increment();
    }

    /// Counts bad indices.
    public void faults(long count) {
        faults.add(count);
    }

    /// {@return the counters with what the plans and the memory of the device say}
    public Counters with(PlanCache plans, long bytesReserved, long peakBytesReserved) {
        return new Counters(
                submits.sum(),
                replays.sum(),
                plans.size(),
                plans.hits(),
                plans.misses(),
                plans.evictions(),
                bytesReserved,
                peakBytesReserved,
                fallbacks.sum(),
                faults.sum());
    }
}
