package dev.halcyon.bench.ceiling;

import dev.halcyon.hal.memory.DType;

import java.util.EnumMap;
import java.util.Map;

/// The best that a machine does on a number of threads.
///
/// @param threads threads measured together
/// @param peaks operations a second of each type that a loop was there for; F32 always
/// @param bytesPerSecond bytes read a second from memory far larger than the caches
/// @param how which loop read
public record MachineCeilings(
        int threads, Map<DType, Peak> peaks, double bytesPerSecond, String how) {
    public MachineCeilings {
        if (!peaks.containsKey(DType.F32)) {
            throw new IllegalArgumentException("ceilings without a peak of F32: " + peaks);
        }
        peaks = Map.copyOf(peaks);
    }

    /// {@return the F32 peak in operations a second}
    public double flops() {
        return peak(DType.F32).flops();
    }

    /// {@return the peak of a type: that of its own loop or F32's, whichever is higher, since
    /// narrower values may be widened first; 8-bit and 4-bit weights meet activations of 16 bits}
    public Peak peak(DType dtype) {
        Peak wide = peaks.get(DType.F32);
        DType own = dtype.bits() < DType.BF16.bits() ? DType.BF16 : dtype;
        Peak narrow = peaks.get(own);
        return narrow == null || dtype == DType.F32 ? wide : narrow.max(wide);
    }

    /// {@return the least time in seconds that this much F32 work takes}
    public double floorSeconds(double workFlops, double workBytes) {
        return floorSeconds(DType.F32, workFlops, workBytes);
    }

    /// {@return the least time in seconds that this much work on values of a type takes}
    public double floorSeconds(DType dtype, double workFlops, double workBytes) {
        return Math.max(workFlops / peak(dtype).flops(), workBytes / bytesPerSecond);
    }

    /// {@return the higher ceiling of two measurements on equally many threads, each by itself}
    public MachineCeilings max(MachineCeilings other) {
        Map<DType, Peak> highest = new EnumMap<>(peaks);
        other.peaks.forEach((dtype, peak) -> highest.merge(dtype, peak, Peak::max));
        return new MachineCeilings(
                threads, highest, Math.max(bytesPerSecond, other.bytesPerSecond), how);
    }

    /// {@return the ceilings, measured now, over about two seconds}
    public static MachineCeilings measure(int threads) {
        try (CeilingMeter meter = CeilingMeter.open()) {
            return meter.measure(threads);
        }
    }
}
