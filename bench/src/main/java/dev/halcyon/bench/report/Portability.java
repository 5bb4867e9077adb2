package dev.halcyon.bench.report;

import dev.halcyon.bench.result.BenchFile;
import dev.halcyon.bench.result.Result;

import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;

/// How portable performance is: for each case the harmonic mean of its efficiencies over all
/// devices, 0 if a device does not run it.
///
/// The efficiency is the share of the floor, at most 1. Emulated devices never count. Of several
/// rows of one case on one device the fastest counts; what failed counts as not run. Source:
/// Pennycook, Sewall and Lee, "A metric for performance portability", 2016.
///
/// @param devices the devices that count
/// @param cases what each case comes to
record Portability(Set<DeviceKey> devices, List<CaseScore> cases) {
    /// A device of a machine.
    ///
    /// @param machine the machine's name
    /// @param device the device's id
    record DeviceKey(String machine, String device) {
        @Override
        public String toString() {
            return device + " of " + machine;
        }
    }

    /// One case.
    ///
    /// @param name suite and case
    /// @param efficiency the efficiency on each device, 0 where it does not run
    record CaseScore(String name, Map<DeviceKey, Double> efficiency) {
        /// {@return the harmonic mean, 0 if any is}
        double metric() {
            return harmonicMean(efficiency.values());
        }

        List<DeviceKey> missing() {
            return efficiency.entrySet().stream()
                    .filter(entry -> entry.getValue() == 0)
                    .map(Map.Entry::getKey)
                    .toList();
        }
    }

    static Portability of(List<BenchFile> files) {
        Set<DeviceKey> devices = new LinkedHashSet<>();
        Map<String, Map<DeviceKey, Result>> best = new LinkedHashMap<>();
        for (BenchFile file : files) {
            for (Result result : file.results()) {
                if (!counts(file, result)) {
                    continue;
                }
                DeviceKey key = new DeviceKey(file.machine().name(), result.device());
                devices.add(key);
                Map<DeviceKey, Result> rows =
                        best.computeIfAbsent(
                                result.suite() + " " + result.title(),
                                name -> new LinkedHashMap<>());
                if (result.isGood()) {
                    rows.merge(
                            key, result, (a, b) -> a.medianSeconds() <= b.medianSeconds() ? a : b);
                }
            }
            file.notRun().stream()
                    .filter(
                            absence ->
                                    absence.device() != null
                                            && !file.machine().isEmulated(absence.device()))
                    .forEach(
                            absence -> {
                                devices.add(
                                        new DeviceKey(
                                                file.machine().name(),
                                                Objects.requireNonNull(absence.device())));
                                if (!absence.name().startsWith("hal ")) {
                                    best.computeIfAbsent(
                                            absence.name(), name -> new LinkedHashMap<>());
                                }
                            });
        }
        List<CaseScore> cases = new ArrayList<>();
        best.forEach(
                (name, rows) -> {
                    Map<DeviceKey, Double> efficiency = new LinkedHashMap<>();
                    for (DeviceKey device : devices) {
                        Result result = rows.get(device);
                        efficiency.put(device, result == null ? 0 : efficiency(result));
                    }
                    cases.add(new CaseScore(name, efficiency));
                });
        return new Portability(devices, List.copyOf(cases));
    }

    /// Rows of one thread repeat a case that is there already, and calls of the API have no floor.
    private static boolean counts(BenchFile file, Result result) {
        return !file.machine().isEmulated(result.device())
                && !result.suite().equals("hal")
                && file.machine()
                        .ceiling(result.device())
                        .map(ceiling -> ceiling.threads() == result.threads())
                        .orElse(true);
    }

    private static double efficiency(Result result) {
        Double share = result.shareOfFloor();
        return share == null ? 0 : Math.min(1, share);
    }

    /// {@return the harmonic mean over all cases and devices, 0 if any does not run; 0 without
    /// cases}
    double metric() {
        return harmonicMean(
                cases.stream().flatMap(score -> score.efficiency().values().stream()).toList());
    }

    /// {@return the same over one suite's cases}
    double metric(String suite) {
        return harmonicMean(
                cases.stream()
                        .filter(score -> score.name().startsWith(suite + " "))
                        .flatMap(score -> score.efficiency().values().stream())
                        .toList());
    }

    /// {@return the suites that have cases}
    Set<String> suites() {
        return cases.stream()
                .map(score -> score.name().substring(0, score.name().indexOf(' ')))
                .collect(Collectors.toCollection(LinkedHashSet::new));
    }

    static double harmonicMean(Collection<Double> efficiencies) {
        if (efficiencies.isEmpty() || efficiencies.stream().anyMatch(e -> e <= 0)) {
            return 0;
        }
        return efficiencies.size() / efficiencies.stream().mapToDouble(e -> 1 / e).sum();
    }
}
