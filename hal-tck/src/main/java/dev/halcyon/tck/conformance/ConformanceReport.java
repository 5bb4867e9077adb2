package dev.halcyon.tck.conformance;

import dev.halcyon.hal.Device;
import dev.halcyon.hal.DeviceDescription;
import dev.halcyon.tck.verify.FixtureResult;
import dev.halcyon.tck.verify.Verdict;

import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/// What a device really does: the verdict on every case, and for each implementation the cases that
/// ran it.
///
/// Filled by one thread while cases run, then written to a file that can be published per device
/// and driver.
public final class ConformanceReport {
    private static final JsonMapper MAPPER = new JsonMapper();

    private final DeviceDescription device;
    private final SortedSet<String> implementations;
    private final ConformanceSettings settings;
    private final List<CaseResult> cases = new ArrayList<>();
    private final List<FixtureResult> fixtures = new ArrayList<>();

    /// Makes the empty report of a device.
    public ConformanceReport(Device device, ConformanceSettings settings) {
        this.device = device.description();
        this.implementations = new TreeSet<>(device.implementations());
        this.settings = settings;
    }

    /// Adds the result of a case.
    public void add(CaseResult result) {
        cases.add(result);
    }

    /// Adds the result of a reference case.
    public void add(FixtureResult result) {
        fixtures.add(result);
    }

    /// {@return the results of all cases so far}
    public List<CaseResult> cases() {
        return Collections.unmodifiableList(cases);
    }

    /// {@return how many cases and reference cases came to `verdict`}
    public long count(Verdict verdict) {
        return cases.stream().filter(result -> result.verdict() == verdict).count()
                + fixtures.stream().filter(result -> result.verdict() == verdict).count();
    }

    /// {@return for each implementation of the device the names of the cases that it ran and
    /// passed}
    public SortedMap<String, SortedSet<String>> reached() {
        SortedMap<String, SortedSet<String>> reached = new TreeMap<>();
        implementations.forEach(name -> reached.put(name, new TreeSet<>()));
        for (CaseResult result : cases) {
            for (String name : result.implementations()) {
                reached.computeIfAbsent(name, key -> new TreeSet<>()).add(result.name());
            }
        }
        return reached;
    }

    /// {@return the implementations that no case ran: nobody knows whether they work}
    public SortedSet<String> unreached() {
        SortedSet<String> names = new TreeSet<>();
        reached()
                .forEach(
                        (name, ran) -> {
                            if (ran.isEmpty()) {
                                names.add(name);
                            }
                        });
        return names;
    }

    /// {@return counts of all verdicts in one line}
    public String summary() {
        return device.title()
                + ": "
                + count(Verdict.PASS)
                + " passed, "
                + count(Verdict.FAIL)
                + " failed, "
                + count(Verdict.XFAIL)
                + " failed as expected, "
                + count(Verdict.DECLINED)
                + " declined; "
                + (implementations.size() - unreached().size())
                + " of "
                + implementations.size()
                + " implementations reached; seed "
                + settings.seed();
    }

    /// {@return the report as JSON}
    public String toJson() {
        ObjectNode json = MAPPER.createObjectNode();
        json.put("device", device.id());
        json.put("name", device.name());
        json.put("emulated", device.emulated());
        ObjectNode properties = json.putObject("properties");
        device.properties().forEach(properties::put);
        json.put("seed", settings.seed());
        json.put("thorough", settings.thorough());
        ObjectNode summary = json.putObject("summary");
        for (Verdict verdict : Verdict.values()) {
            summary.put(verdict.name(), count(verdict));
        }
        ObjectNode byName = json.putObject("implementations");
        reached()
                .forEach(
                        (name, ran) -> {
                            ArrayNode names = byName.putArray(name);
                            ran.forEach(names::add);
                        });
        ArrayNode missed = json.putArray("unreached");
        unreached().forEach(missed::add);
        ArrayNode results = json.putArray("cases");
        cases.forEach(
                result ->
                        add(
                                results,
                                result.name(),
                                result.verdict(),
                                result.error(),
                                result.tolerance(),
                                result.detail()));
        ArrayNode references = json.putArray("fixtures");
        fixtures.forEach(
                result ->
                        add(
                                references,
                                result.name(),
                                result.verdict(),
                                result.error(),
                                result.tolerance(),
                                result.detail()));
        return MAPPER.writerWithDefaultPrettyPrinter().writeValueAsString(json) + "\n";
    }

    private static void add(
            ArrayNode list,
            String name,
            Verdict verdict,
            double error,
            double tolerance,
            String detail) {
        ObjectNode entry = list.addObject();
        entry.put("case", name);
        entry.put("verdict", verdict.name());
        if (Double.isFinite(error)) {
            entry.put("error", error);
            entry.put("tolerance", tolerance);
        }
        if (!detail.isEmpty()) {
            entry.put("detail", detail);
        }
    }

    /// Writes the report, making its folder.
    ///
    /// @throws UncheckedIOException if the disk refuses
    public void write(Path file) {
        try {
            Path folder = file.toAbsolutePath().getParent();
            if (folder != null) {
                Files.createDirectories(folder);
            }
            Files.writeString(file, toJson());
        } catch (IOException refused) {
            throw new UncheckedIOException("cannot write the conformance report " + file, refused);
        }
    }
}
