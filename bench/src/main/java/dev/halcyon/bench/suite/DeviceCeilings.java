package dev.halcyon.bench.suite;

import dev.halcyon.bench.ceiling.MachineCeilings;
import dev.halcyon.bench.ceiling.Peak;
import dev.halcyon.bench.problem.GemmProblem;
import dev.halcyon.hal.Device;
import dev.halcyon.hal.error.HalException;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;

import org.jspecify.annotations.Nullable;

import java.util.EnumMap;
import java.util.Map;

/// What a device that is not the host can do at best, as far as the API lets one see: the fastest
/// of several large products, and of several copies of memory far larger than any cache.
final class DeviceCeilings {
    private static final int SIZE = 8192;
    private static final int TRIES = 12;
    private static final long COPIED_BYTES = 1L << 30;

    private DeviceCeilings() {}

    /// {@return the ceilings, or null if the device multiplies no F32 matrices}
    static @Nullable MachineCeilings measure(Device device) {
        Map<DType, Peak> peaks = new EnumMap<>(DType.class);
        for (DType dtype : new DType[] {DType.F32, DType.BF16}) {
            try {
                peaks.put(dtype, new Peak(flops(device, dtype), "product of " + SIZE + "x" + SIZE));
            } catch (HalException declined) {
                if (dtype == DType.F32) {
                    return null;
                }
            }
        }
        return new MachineCeilings(
                0, peaks, bytesPerSecond(device), "copy of " + (COPIED_BYTES >> 20) + " MiB");
    }

    private static double flops(Device device, DType dtype) {
        GemmProblem problem = new GemmProblem(SIZE, SIZE, SIZE, dtype, true, false);
        try (Workload workload =
                new GemmSetup(problem, 1).on(Site.on(device, "peak of " + dtype))) {
            double best = Double.POSITIVE_INFINITY;
            for (int i = 0; i < TRIES; i++) {
                long start = System.nanoTime();
                workload.run(i);
                best = Math.min(best, (System.nanoTime() - start) / 1e9);
            }
            return workload.flops() / best;
        }
    }

    private static double bytesPerSecond(Device device) {
        try (Site site = Site.on(device, "bandwidth")) {
            Tensor from = site.arena().tensor(DType.U8, COPIED_BYTES);
            Tensor to = site.arena().tensor(DType.U8, COPIED_BYTES);
            site.stream().fill(from, 1);
            double best = Double.POSITIVE_INFINITY;
            for (int i = 0; i < TRIES; i++) {
                site.stream().synchronize();
                long start = System.nanoTime();
                site.stream().copy(to, from);
                site.stream().synchronize();
                best = Math.min(best, (System.nanoTime() - start) / 1e9);
            }
            return 2 * COPIED_BYTES / best;
        }
    }
}
