package dev.halcyon.bench;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaPackage;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.lang.conditions.ArchConditions;

import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.io.InputStream;
import java.lang.module.ModuleDescriptor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/// The arrows between the modules and the habits that hold in all of them, read from what was
/// compiled.
final class ArchitectureTest {
    /// Folder of each module, and which of Halcyon's modules it may require.
    private static final Map<String, Set<String>> ARROWS =
            Map.of(
                    "hal-api", Set.of(),
                    "checkpoint", Set.of(),
                    "hal-tck", Set.of("dev.halcyon.hal", "dev.halcyon.checkpoint"),
                    "backend-cpu", Set.of("dev.halcyon.hal"),
                    "backend-cuda", Set.of("dev.halcyon.hal"),
                    "backend-ascend", Set.of("dev.halcyon.hal"),
                    "engine", Set.of("dev.halcyon.hal", "dev.halcyon.checkpoint"),
                    "bench",
                            Set.of(
                                    "dev.halcyon.hal",
                                    "dev.halcyon.checkpoint",
                                    "dev.halcyon.tck",
                                    "dev.halcyon.engine"));

    private static final JavaClasses CLASSES =
            new ClassFileImporter()
                    .importPaths(ARROWS.keySet().stream().map(ArchitectureTest::compiled).toList());

    private static Path compiled(String folder) {
        Path classes = Path.of("..", folder, "target", "classes");
        assertThat(classes).as("compiled classes of %s", folder).isDirectory();
        return classes;
    }

    @Test
    void modulesRequireOnlyWhatTheArrowsAllow() throws IOException {
        for (Map.Entry<String, Set<String>> arrow : ARROWS.entrySet()) {
            assertThat(
                            requiredBy(arrow.getKey()).stream()
                                    .filter(name -> name.startsWith("dev.halcyon.")))
                    .as("required by %s", arrow.getKey())
                    .isSubsetOf(arrow.getValue());
        }
    }

    @Test
    void theApiRequiresTheJdkAlone() throws IOException {
        assertThat(requiredBy("hal-api"))
                .containsExactlyInAnyOrder("java.base", "jdk.jfr", "org.jspecify");
    }

    private static Set<String> requiredBy(String folder) throws IOException {
        try (InputStream descriptor =
                Files.newInputStream(compiled(folder).resolve("module-info.class"))) {
            return ModuleDescriptor.read(descriptor).requires().stream()
                    .map(ModuleDescriptor.Requires::name)
                    .collect(Collectors.toSet());
        }
    }

    @Test
    void everyBackendIsFoundOnTheClassPathAndOnTheModulePath() throws IOException {
        for (String folder : ARROWS.keySet()) {
            if (!folder.startsWith("backend-")) {
                continue;
            }
            String service = "dev.halcyon.hal.BackendProvider";
            try (InputStream descriptor =
                    Files.newInputStream(compiled(folder).resolve("module-info.class"))) {
                Set<String> provided =
                        ModuleDescriptor.read(descriptor).provides().stream()
                                .filter(provides -> provides.service().equals(service))
                                .flatMap(provides -> provides.providers().stream())
                                .collect(Collectors.toSet());
                assertThat(
                                Files.readAllLines(
                                        compiled(folder).resolve("META-INF/services/" + service)))
                        .as("providers of %s", folder)
                        .isNotEmpty()
                        .containsExactlyInAnyOrderElementsOf(provided);
            }
        }
    }

    @Test
    void onlyTheVectorPackagesTouchTheVectorApi() {
        noClasses()
                .that()
                .resideOutsideOfPackage("dev.halcyon.backend.cpu.vector..")
                .and()
                .doNotHaveFullyQualifiedName("dev.halcyon.bench.ceiling.VectorCeilingLoops")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("jdk.incubator.vector..")
                .because(
                        "on the class path the module may be missing, and everything else must load"
                                + " without it")
                .check(CLASSES);
    }

    @Test
    void kernelsReadNoSettings() {
        noClasses()
                .that()
                .resideInAnyPackage(
                        "..kernels..",
                        "..loops..",
                        "..scalar..",
                        "..oracle..",
                        "dev.halcyon.hal.kernel..",
                        "dev.halcyon.hal.memory..",
                        "dev.halcyon.hal.host..",
                        "dev.halcyon.hal.spi..")
                .should()
                .callMethod(System.class, "getProperty", String.class)
                .orShould()
                .callMethod(System.class, "getenv", String.class)
                .orShould()
                .callMethod(Boolean.class, "getBoolean", String.class)
                .orShould()
                .callMethod(Integer.class, "getInteger", String.class)
                .because("settings are read once, into a record, when a device is opened")
                .check(CLASSES);
    }

    /// The class that a backend's tests extend is a test, and its skips and its summary are to be
    /// heard.
    @Test
    void onlyTheCommandLineAndTheKitsTestPrint() {
        noClasses()
                .that()
                .resideOutsideOfPackage("dev.halcyon.bench..")
                .and()
                .doNotHaveSimpleName("BackendConformance")
                .should()
                .accessField(System.class, "out")
                .orShould()
                .accessField(System.class, "err")
                .check(CLASSES);
    }

    @Test
    void everyPackageMarksItsNullness() {
        Set<String> unmarked = new TreeSet<>();
        for (JavaClass each : CLASSES) {
            JavaPackage home = each.getPackage();
            // JMH writes the sources of such packages itself.
            boolean generated = home.getName().endsWith(".jmh_generated");
            if (!generated
                    && !each.getSimpleName().equals("module-info")
                    && !home.isAnnotatedWith(NullMarked.class)) {
                unmarked.add(home.getName());
            }
        }
        assertThat(unmarked).as("packages without a @NullMarked package-info").isEmpty();
    }

    @Test
    void kernelsOfBackendsAreNamedAfterTheirSpecs() {
        Set<String> specs =
                CLASSES.stream()
                        .filter(
                                each ->
                                        each.isAssignableTo("dev.halcyon.hal.kernel.KernelSpec")
                                                && !each.isInterface())
                        .map(JavaClass::getSimpleName)
                        .collect(Collectors.toSet());
        assertThat(specs).contains("Gemm", "MlaDecode", "MuonStep");
        classes()
                .that()
                .resideInAPackage("dev.halcyon.backend.*.kernels..")
                .and()
                .areTopLevelClasses()
                .and()
                .haveSimpleNameEndingWith("Kernel")
                .should(
                        ArchConditions.be(
                                DescribedPredicate.describe(
                                        "named after a spec",
                                        each ->
                                                specs.contains(
                                                        each.getSimpleName()
                                                                .replaceAll("Kernel$", "")))))
                .check(CLASSES);
    }
}
