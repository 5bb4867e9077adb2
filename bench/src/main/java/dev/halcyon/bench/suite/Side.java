package dev.halcyon.bench.suite;

import dev.halcyon.bench.ceiling.CeilingMeter;
import dev.halcyon.bench.result.NativeCode;

import org.jspecify.annotations.Nullable;

/// A contestant on all its threads and, where it has several, on one.
///
/// @param all the device
/// @param single the same on one thread, or null
/// @param nativeCode whether its kernels use native code; null where it is not the host
record Side(Subject all, @Nullable Subject single, @Nullable NativeCode nativeCode)
        implements AutoCloseable {
    static Side of(Contestant contestant, CeilingMeter meter) {
        return new Side(
                new Subject(contestant.device(), meter),
                contestant.oneThread() == null ? null : new Subject(contestant.oneThread(), meter),
                contestant.nativeCode());
    }

    /// Closes its devices.
    @Override
    public void close() {
        all.close();
        if (single != null) {
            single.close();
        }
    }
}
