package dev.halcyon.backend.ascend;

import dev.halcyon.hal.Timepoint;

import java.time.Duration;

/// A point in a stream's order, with an event behind it.
record AscendTimepoint(AscendStream stream, long sequence) implements Timepoint {
    @Override
    public boolean reached() {
        return stream.clock().hasPassed(sequence);
    }

    @Override
    public boolean await(Duration timeout) {
        if (!stream.clock().await(sequence, timeout)) {
            return false;
        }
        stream.throwIfFailedOrFaulty("await");
        return true;
    }
}
