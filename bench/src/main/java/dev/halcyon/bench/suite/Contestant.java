package dev.halcyon.bench.suite;

import dev.halcyon.bench.result.NativeCode;
import dev.halcyon.hal.Device;

import org.jspecify.annotations.Nullable;

/// A device in one setting; several settings of a device may be measured beside each other, each
/// with the whole machine to itself when its turn comes.
///
/// @param device the device, closed by the run
/// @param oneThread the same on one thread, if it is the host and has more; closed by the run
/// @param nativeCode whether its kernels use native code; null where it is not the host
public record Contestant(
        Device device, @Nullable Device oneThread, @Nullable NativeCode nativeCode) {}
