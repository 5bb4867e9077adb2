package dev.halcyon.backend.cuda;

import dev.halcyon.hal.Timepoint;

import java.time.Duration;

/// A mark in the order of a stream.
record CudaTimepoint(CudaStream stream, long sequence) implements Timepoint {
    @Override
    public boolean reached() {
        return stream.clock().hasReached(sequence);
    }

    @Override
    public boolean await(Duration timeout) {
        if (!stream.clock().await(sequence, timeout)) {
            return false;
        }
        stream.failure().throwIfFailedOrFaulty("await");
        return true;
    }
}
