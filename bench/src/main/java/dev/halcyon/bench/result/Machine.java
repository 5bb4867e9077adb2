package dev.halcyon.bench.result;

import dev.halcyon.hal.memory.DType;

import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Where the benchmark ran.
///
/// @param name the processor
/// @param os operating system and its version
/// @param arch instruction set
/// @param java version of the JVM
/// @param processors processors that the JVM may use
/// @param memoryBytes memory
/// @param lastLevelCacheBytes largest cache, as the system tells it
/// @param date when the run began, ISO 8601, UTC
/// @param quick whether it was a quick run
/// @param devices the devices that took part
/// @param ceilings what they can do at best, measured in this run
public record Machine(
        String name,
        String os,
        String arch,
        String java,
        int processors,
        long memoryBytes,
        long lastLevelCacheBytes,
        String date,
        boolean quick,
        List<DeviceInfo> devices,
        List<Ceiling> ceilings) {
    public Machine {
        devices = List.copyOf(devices);
        ceilings = List.copyOf(ceilings);
    }

    /// One device.
    ///
    /// @param id as results name it
    /// @param name the product
    /// @param emulated whether it is an emulation, whose times mean nothing
    /// @param properties what else is known about it
    public record DeviceInfo(
            String id, String name, boolean emulated, Map<String, String> properties) {}

    /// What a device can do at best.
    ///
    /// @param device the device
    /// @param threads host threads measured together; 0 for a device that is not the host
    /// @param peaks operations a second, by type
    /// @param bytesPerSecond bytes read a second from memory
    /// @param how which loop read
    public record Ceiling(
            String device, int threads, List<TypePeak> peaks, double bytesPerSecond, String how) {
        public Ceiling {
            peaks = List.copyOf(peaks);
        }

        /// {@return the peak that a type's operations are held against}
        public Optional<TypePeak> peak(DType dtype) {
            return peaks.stream().filter(peak -> peak.dtype() == dtype).findFirst();
        }
    }

    /// The peak of one type.
    ///
    /// @param dtype the type
    /// @param flops operations a second
    /// @param how which loop reached it
    public record TypePeak(DType dtype, double flops, String how) {}

    /// {@return the ceiling of a device with most threads}
    public Optional<Ceiling> ceiling(String device) {
        return ceilings.stream()
                .filter(ceiling -> ceiling.device.equals(device))
                .max(Comparator.comparingInt(Ceiling::threads));
    }

    /// {@return whether a device is an emulation}
    public boolean isEmulated(String device) {
        return devices.stream().anyMatch(info -> info.id.equals(device) && info.emulated);
    }
}
