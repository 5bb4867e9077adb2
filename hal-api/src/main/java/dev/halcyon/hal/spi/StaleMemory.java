package dev.halcyon.hal.spi;

import dev.halcyon.hal.error.Failure;
import dev.halcyon.hal.error.StaleGraphException;

/// Says that something is used whose memory has gone to somebody else.
public final class StaleMemory {
    private StaleMemory() {}

    /// {@return what to throw when a launch is submitted after an arena of its operands moved on}
    public static IllegalStateException submitted(BoundLaunch<?> launch, String arena) {
        return new IllegalStateException(
                "submit of a stale launch of "
                        + launch.plan().spec().name()
                        + ": arena \""
                        + arena
                        + "\" was closed or reset after bind; bind it again");
    }

    /// {@return what to throw when a graph is replayed after an arena that it captured moved on}
    public static StaleGraphException replayed(String device, String arena) {
        return new StaleGraphException(
                Failure.of(
                        device,
                        "replay",
                        "arena \"" + arena + "\", which the graph captured, was closed or reset",
                        "record the graph again"));
    }
}
