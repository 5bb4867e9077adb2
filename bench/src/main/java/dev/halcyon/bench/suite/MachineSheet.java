package dev.halcyon.bench.suite;

import dev.halcyon.bench.ceiling.MachineCeilings;
import dev.halcyon.bench.ceiling.MachineMemory;
import dev.halcyon.bench.result.Machine;
import dev.halcyon.bench.result.Machine.Ceiling;
import dev.halcyon.bench.result.Machine.DeviceInfo;
import dev.halcyon.bench.result.Machine.TypePeak;
import dev.halcyon.hal.DeviceDescription;
import dev.halcyon.hal.memory.DType;

import org.jspecify.annotations.Nullable;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// What the results say about the machine.
final class MachineSheet {
    private static final List<DType> SHOWN = List.of(DType.F32, DType.BF16);

    private MachineSheet() {}

    /// One device, on some number of threads.
    record Entry(DeviceDescription description, int threads, @Nullable MachineCeilings ceilings) {
        static Entry of(Subject subject) {
            return new Entry(subject.device().description(), subject.threads(), subject.ceilings());
        }

        Optional<Ceiling> ceiling() {
            return Optional.ofNullable(ceilings)
                    .map(
                            known ->
                                    new Ceiling(
                                            description.id(),
                                            threads,
                                            SHOWN.stream()
                                                    .map(
                                                            dtype ->
                                                                    new TypePeak(
                                                                            dtype,
                                                                            known.peak(dtype)
                                                                                    .flops(),
                                                                            known.peak(dtype)
                                                                                    .how()))
                                                    .toList(),
                                            known.bytesPerSecond(),
                                            known.how()));
        }
    }

    static Machine machine(Instant date, boolean quick, List<Entry> entries) {
        List<DeviceInfo> devices = new ArrayList<>();
        for (Entry entry : entries) {
            DeviceDescription description = entry.description;
            if (devices.stream().noneMatch(info -> info.id().equals(description.id()))) {
                devices.add(
                        new DeviceInfo(
                                description.id(),
                                description.name(),
                                description.emulated(),
                                description.properties()));
            }
        }
        return new Machine(
                entries.isEmpty() ? "" : entries.getFirst().description.name(),
                System.getProperty("os.name") + " " + System.getProperty("os.version"),
                System.getProperty("os.arch"),
                Runtime.version().toString(),
                Runtime.getRuntime().availableProcessors(),
                MachineMemory.physicalBytes(),
                MachineMemory.lastLevelCacheBytes(),
                date.toString(),
                quick,
                devices,
                entries.stream().flatMap(entry -> entry.ceiling().stream()).toList());
    }
}
