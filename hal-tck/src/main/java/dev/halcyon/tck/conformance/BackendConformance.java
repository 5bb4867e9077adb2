package dev.halcyon.tck.conformance;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import dev.halcyon.hal.Availability;
import dev.halcyon.hal.BackendProvider;
import dev.halcyon.hal.Device;
import dev.halcyon.hal.DeviceOptions;
import dev.halcyon.tck.fixture.Fixture;
import dev.halcyon.tck.fixture.FixtureSet;
import dev.halcyon.tck.verify.FixtureResult;
import dev.halcyon.tck.verify.FixtureVerifier;
import dev.halcyon.tck.verify.Verdict;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicContainer;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.TestInstance;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/// The whole kit as one JUnit 5 class, which a backend's test module extends:
///
/// ```java
/// class FpgaConformanceTest extends BackendConformance {
///     @Override
///     protected BackendProvider provider() {
///         return new FpgaBackendProvider();
///     }
///
///     @Override
///     protected Map<String, String> exceptions() {
///         return Map.of("Gemm 5x31x130", "the last tile of k is dropped, see issue 17");
///     }
/// }
/// ```
///
/// Every case is a test, and so is every reference case; DECLINED shows as an aborted test with the
/// reason, XFAIL as a passed one, and an excused case that passes as a failure. An implementation
/// of the device that no case ran is a failure too. The results are written to
/// `conformance-NAME.json` in the folder of [ConformanceSettings#reports()].
///
/// Where the backend has no device the whole class is skipped, and says so on the standard output;
/// `-Dhalcyon.tck.require=fpga` makes that a failure.
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
public abstract class BackendConformance {
    private final ConformanceSettings settings = ConformanceSettings.fromSystemProperties();
    private @Nullable Device device;
    private @Nullable ConformanceReport report;

    /// For subclasses.
    protected BackendConformance() {}

    /// {@return the backend under test}
    protected abstract BackendProvider provider();

    /// {@return how to open its device; the `halcyon.*` system properties unless overridden}
    protected DeviceOptions options() {
        return DeviceOptions.fromSystemProperties();
    }

    /// {@return the beginnings of names of cases that are known to fail, each with the reason}
    protected Map<String, String> exceptions() {
        return Map.of();
    }

    /// {@return whether to run a case at all; a case left out is not reported as anything}
    protected boolean includes(ConformanceCase one) {
        return true;
    }

    /// {@return what to call the report: the backend's name unless overridden}
    protected String reportName() {
        return provider().name();
    }

    /// Opens the device.
    @BeforeAll
    public final void open() {
        BackendProvider provider = provider();
        switch (provider.probe()) {
            case Availability.Available available -> {
                Device opened = provider.open(available.devices().getFirst().ordinal(), options());
                device = opened;
                report = new ConformanceReport(opened, settings);
            }
            case Availability.Unavailable unavailable -> {
                String message =
                        "backend "
                                + provider.name()
                                + " is not available: "
                                + unavailable.describe();
                if (settings.requires(provider.name())) {
                    fail(message + " (required by -Dhalcyon.tck.require)");
                }
                System.out.println(
                        "SKIPPED: "
                                + message
                                + "; -Dhalcyon.tck.require="
                                + provider.name()
                                + " makes this a failure");
                Assumptions.abort(message);
            }
        }
    }

    /// Closes the device.
    @AfterAll
    public final void close() {
        if (device != null) {
            device.close();
        }
    }

    /// {@return every case, by spec, then every reference case, then the look at what was reached}
    @TestFactory
    public final Stream<DynamicNode> conformance() {
        Map<String, List<ConformanceCase>> bySpec = new TreeMap<>();
        for (ConformanceCase one : ConformanceCases.all(settings.thorough())) {
            if (includes(one)) {
                bySpec.computeIfAbsent(one.spec(), spec -> new ArrayList<>()).add(one);
            }
        }
        Stream<DynamicNode> cases =
                bySpec.entrySet().stream()
                        .map(
                                entry ->
                                        DynamicContainer.dynamicContainer(
                                                entry.getKey(),
                                                entry.getValue().stream().map(this::test)));
        Stream<DynamicNode> references =
                Stream.of(
                        DynamicContainer.dynamicContainer(
                                "reference cases",
                                FixtureSet.bundled().fixtures().stream().map(this::test)));
        Stream<DynamicNode> last =
                Stream.of(DynamicTest.dynamicTest("every implementation is reached", this::finish));
        return Stream.of(cases, references, last).flatMap(nodes -> nodes);
    }

    private DynamicTest test(ConformanceCase one) {
        return DynamicTest.dynamicTest(
                one.name(),
                () -> {
                    for (long seed : settings.seeds()) {
                        CaseResult result = one.run(device(), seed);
                        String excuse = excuse(one.name());
                        conclude(excuse == null ? result : result.excused(excuse));
                    }
                });
    }

    private @Nullable String excuse(String name) {
        return exceptions().entrySet().stream()
                .filter(entry -> name.startsWith(entry.getKey()))
                .map(Map.Entry::getValue)
                .findFirst()
                .orElse(null);
    }

    private void conclude(CaseResult result) {
        report().add(result);
        conclude(result.verdict(), result.line());
    }

    private DynamicTest test(Fixture fixture) {
        return DynamicTest.dynamicTest(
                fixture.name(),
                () -> {
                    List<FixtureResult> results =
                            FixtureVerifier.verify(device(), List.of(fixture)).results();
                    results.forEach(report()::add);
                    conclude(results.getFirst().verdict(), results.getFirst().line());
                });
    }

    private static void conclude(Verdict verdict, String line) {
        switch (verdict) {
            case PASS, XFAIL -> {}
            case FAIL -> fail(line);
            case DECLINED -> {
                System.out.println(line);
                Assumptions.abort(line);
            }
        }
    }

    private void finish() {
        report().write(settings.reports().resolve("conformance-" + reportName() + ".json"));
        System.out.println(report().summary());
        assertTrue(
                report().unreached().isEmpty(),
                () ->
                        "no case ran "
                                + report().unreached()
                                + "; add a case, or take the implementation out");
    }

    private Device device() {
        if (device == null) {
            throw new IllegalStateException("no device is open");
        }
        return device;
    }

    private ConformanceReport report() {
        if (report == null) {
            throw new IllegalStateException("no device is open");
        }
        return report;
    }
}
