package dev.halcyon.hal.host;

import dev.halcyon.hal.Timepoint;

import java.time.Duration;

/// A point in an inline stream's order, which is in the past by the time anybody holds it.
record HostTimepoint(InlineStream stream, long sequence) implements Timepoint {
    @Override
    public boolean reached() {
        return true;
    }

    @Override
    public boolean await(Duration timeout) {
        stream.throwIfFailed("await");
        return true;
    }
}
