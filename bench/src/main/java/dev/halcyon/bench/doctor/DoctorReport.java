package dev.halcyon.bench.doctor;

import com.sun.management.OperatingSystemMXBean;

import dev.halcyon.hal.Availability;
import dev.halcyon.hal.DeviceDescription;
import dev.halcyon.hal.Discovery;
import dev.halcyon.hal.Halcyon;
import dev.halcyon.hal.Selector;
import dev.halcyon.hal.error.BackendUnavailableException;

import tools.jackson.databind.json.JsonMapper;

import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Supplier;

/// Everything the doctor found, each look under its own guard so that the report always prints.
///
/// @param findings in the order they are printed
/// @param examination what a thorough look at one device found, if one was asked for
public record DoctorReport(List<Finding> findings, Optional<Examination> examination) {
    private static final long GIBIBYTE = 1L << 30;

    public DoctorReport {
        findings = List.copyOf(findings);
    }

    /// {@return the report of this machine and JVM}
    public static DoctorReport gather() {
        List<Finding> findings = new ArrayList<>();
        findings.addAll(guarded("halcyon", DoctorReport::versions));
        findings.addAll(guarded("java", DoctorReport::java));
        findings.addAll(guarded("machine", DoctorReport::machine));
        findings.addAll(guarded("settings", DoctorReport::settings));
        findings.addAll(guarded("backends", DoctorReport::backends));
        return new DoctorReport(findings, Optional.empty());
    }

    /// {@return this report with the examination of a device}
    public DoctorReport with(Examination thorough) {
        return new DoctorReport(findings, Optional.of(thorough));
    }

    private static List<Finding> guarded(String topic, Supplier<List<Finding>> look) {
        try {
            return look.get();
        } catch (RuntimeException | LinkageError failure) {
            return List.of(
                    new Finding(
                            topic,
                            Finding.State.UNKNOWN,
                            "looking failed: " + failure,
                            "report this with the stack trace"));
        }
    }

    private static List<Finding> versions() {
        String version = DoctorReport.class.getPackage().getImplementationVersion();
        return List.of(Finding.ok("halcyon", version == null ? "built from source" : version));
    }

    private static List<Finding> java() {
        List<Finding> findings = new ArrayList<>();
        findings.add(
                Finding.ok(
                        "java",
                        Runtime.version()
                                + ", "
                                + System.getProperty("java.vm.name")
                                + ", "
                                + System.getProperty("java.home")));
        findings.add(
                Finding.ok(
                        "jvm flags",
                        String.join(
                                " ", ManagementFactory.getRuntimeMXBean().getInputArguments())));
        boolean vector = ModuleLayer.boot().findModule("jdk.incubator.vector").isPresent();
        findings.add(
                vector
                        ? Finding.ok("vector api", "present")
                        : new Finding(
                                "vector api",
                                Finding.State.LIMITED,
                                "jdk.incubator.vector is not in this JVM, so the CPU backend runs"
                                        + " its scalar variant",
                                "add --add-modules jdk.incubator.vector to the java command"));
        boolean nativeAccess = DoctorReport.class.getModule().isNativeAccessEnabled();
        findings.add(
                nativeAccess
                        ? Finding.ok("native access", "enabled")
                        : new Finding(
                                "native access",
                                Finding.State.LIMITED,
                                "the JVM has not been told that native code may be called",
                                "add --enable-native-access=ALL-UNNAMED to the java command"));
        return findings;
    }

    private static List<Finding> machine() {
        String memory =
                ManagementFactory.getOperatingSystemMXBean() instanceof OperatingSystemMXBean system
                        ? String.format(
                                Locale.ROOT,
                                "%.1f GiB",
                                (double) system.getTotalMemorySize() / GIBIBYTE)
                        : "unknown memory";
        return List.of(
                Finding.ok(
                        "machine",
                        System.getProperty("os.name")
                                + " "
                                + System.getProperty("os.version")
                                + ", "
                                + System.getProperty("os.arch")
                                + ", "
                                + Runtime.getRuntime().availableProcessors()
                                + " processors, "
                                + memory));
    }

    private static List<Finding> settings() {
        Map<String, String> settings = new TreeMap<>();
        System.getProperties().stringPropertyNames().stream()
                .filter(key -> key.startsWith("halcyon."))
                .forEach(key -> settings.put(key, System.getProperty(key)));
        String device = System.getenv(Selector.ENVIRONMENT_VARIABLE);
        if (device != null) {
            settings.put(Selector.ENVIRONMENT_VARIABLE, device);
        }
        return List.of(Finding.ok("settings", settings.isEmpty() ? "none" : settings.toString()));
    }

    private static List<Finding> backends() {
        List<Finding> findings = new ArrayList<>();
        Discovery discovery = Halcyon.discover();
        for (Discovery.Entry entry : discovery.entries()) {
            if (entry.availability() instanceof Availability.Available available) {
                for (DeviceDescription device : available.devices()) {
                    findings.add(
                            Finding.ok(device.title(), device.name() + " " + device.properties()));
                }
                available
                        .notes()
                        .forEach(
                                note ->
                                        findings.add(
                                                new Finding(
                                                        entry.backend(),
                                                        Finding.State.LIMITED,
                                                        note,
                                                        "see the note")));
            } else if (entry.availability() instanceof Availability.Unavailable unavailable) {
                findings.add(
                        new Finding(
                                entry.backend(),
                                Finding.State.MISSING,
                                unavailable.reason() + ": " + unavailable.detail(),
                                unavailable.remedy()));
            }
        }
        if (findings.isEmpty()) {
            findings.add(
                    new Finding(
                            "backends",
                            Finding.State.MISSING,
                            "none on the class or module path",
                            "add backend-cpu"));
        } else {
            findings.add(automatic(discovery));
        }
        return findings;
    }

    private static Finding automatic(Discovery discovery) {
        try {
            Selector.Choice choice = Selector.of("auto").choose(discovery);
            String passedOver =
                    choice.passedOver().isEmpty()
                            ? ""
                            : "; not " + String.join("; not ", choice.passedOver());
            return Finding.ok("auto", choice.device().title() + passedOver);
        } catch (BackendUnavailableException none) {
            return new Finding(
                    "auto",
                    Finding.State.MISSING,
                    "no backend has a device",
                    "follow one of the remedies above");
        }
    }

    /// {@return the report as text, one finding a line, its remedy below it}
    public String toText() {
        int width = findings.stream().mapToInt(f -> f.topic().length()).max().orElse(0);
        StringBuilder text = new StringBuilder();
        for (Finding finding : findings) {
            text.append(
                    String.format(
                            Locale.ROOT,
                            "%-" + width + "s  %-7s  %s%n",
                            finding.topic(),
                            finding.state(),
                            finding.detail()));
            if (!finding.remedy().isEmpty()) {
                text.append(" ".repeat(width + 11))
                        .append("-> ")
                        .append(finding.remedy())
                        .append(System.lineSeparator());
            }
        }
        examination.ifPresent(one -> text.append(System.lineSeparator()).append(one.toText()));
        return text.toString().stripTrailing();
    }

    /// {@return the report as one JSON object}
    public String toJson() {
        List<Map<String, Object>> list = new ArrayList<>();
        for (Finding finding : findings) {
            Map<String, Object> object = new LinkedHashMap<>();
            object.put("topic", finding.topic());
            object.put("state", finding.state().name());
            object.put("detail", finding.detail());
            object.put("remedy", finding.remedy());
            list.add(object);
        }
        Map<String, Object> whole = new LinkedHashMap<>();
        whole.put("findings", list);
        examination.ifPresent(
                one ->
                        whole.put(
                                "examination",
                                Map.of("device", one.device(), "lines", one.lines())));
        return JsonMapper.shared().writeValueAsString(whole);
    }
}
