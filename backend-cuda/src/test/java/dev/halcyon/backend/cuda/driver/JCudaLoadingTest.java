package dev.halcyon.backend.cuda.driver;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.halcyon.backend.cuda.StubLibrary;

import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/// Every way in which JCuda's library may be unusable, each in a JVM of its own: the bindings are
/// FFM alone then, and say why; nothing else changes.
class JCudaLoadingTest {
    private static final String NATIVE_LIBRARY = "libJCudaDriver-12.6.0-linux-x86_64.so";

    @TempDir Path folder;

    /// Runs in that JVM.
    static final class Load {
        private Load() {}

        public static void main(String[] library) {
            DynamicLibrary driver = DynamicLibrary.open(library[0]).library().orElseThrow();
            JCudaLoading.Loaded loaded = JCudaLoading.load(driver);
            loaded.driver().init();
            System.out.println(loaded.driver().bindings() + ": " + loaded.whyNotJCuda());
        }
    }

    private static void skipOnTheModulePath() {
        if (JCudaLoadingTest.class.getModule().isNamed()) {
            String message = "JVMs with damaged JCuda natives are started on the class path only";
            System.out.println("SKIPPED: " + message);
            Assumptions.abort(message);
        }
    }

    private static String load(String classPath, String... options)
            throws IOException, InterruptedException {
        skipOnTheModulePath();
        StubLibrary.orSkip();
        List<String> command =
                new ArrayList<>(
                        List.of(
                                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                                "-XX:TieredStopAtLevel=1",
                                "--enable-native-access=ALL-UNNAMED"));
        command.addAll(Arrays.asList(options));
        command.addAll(
                List.of("-cp", classPath, Load.class.getName(), StubLibrary.path().toString()));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String said =
                new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
        assertEquals(0, process.waitFor(), said);
        // Before it the JVM may warn: of a folder that is not there, of a library that is none.
        return said.lines().toList().getLast();
    }

    private static String classPath() {
        return System.getProperty("java.class.path");
    }

    private static String classPathWithout(String jar) {
        return Arrays.stream(classPath().split(File.pathSeparator))
                .filter(entry -> !Path.of(entry).getFileName().toString().startsWith(jar))
                .collect(Collectors.joining(File.pathSeparator));
    }

    @Test
    void worksWhereItIsWhole() throws IOException, InterruptedException {
        assertEquals("jcuda:", load(classPath()));
    }

    @Test
    void doesNotTouchWhatLiesInTheSharedFolder() throws IOException, InterruptedException {
        Path planted = Files.writeString(folder.resolve(NATIVE_LIBRARY), "planted");
        assertEquals("jcuda:", load(classPath(), "-Djava.io.tmpdir=" + folder));
        assertEquals("planted", Files.readString(planted));
    }

    @Test
    void namesTheJarThatIsMissing() throws IOException, InterruptedException {
        String said = load(classPathWithout("jcuda-natives"));
        assertEquals("ffm: jcuda-natives 12.6.0 is not on the class path", said);
        said = load(classPathWithout("jcuda"));
        assertEquals("ffm: JCuda is not on the class path", said);
    }

    @Test
    void repeatsTheLoaderWhereTheLibraryIsDamaged() throws IOException, InterruptedException {
        Path damaged = Files.createDirectories(folder.resolve("lib")).resolve(NATIVE_LIBRARY);
        Files.writeString(damaged, "not a library");
        String said = load(folder + File.pathSeparator + classPath());
        assertTrue(said.startsWith("ffm: JCuda did not load: "), said);
        assertTrue(said.contains("halcyon-jcuda") && said.contains(NATIVE_LIBRARY), said);
    }

    @Test
    void saysThatThereIsNoPrivateFolder() throws IOException, InterruptedException {
        String said = load(classPath(), "-Djava.io.tmpdir=" + folder.resolve("absent"));
        assertEquals("ffm: JCuda did not load: no private folder for JCuda's library", said);
    }

    @Test
    void saysThatTheModulePathIsNotForJCuda() {
        String expected =
                JCudaLoadingTest.class.getModule().isNamed()
                        ? "on the module path JCuda cannot unpack its library"
                        : "";
        assertEquals(expected, JCudaLoading.obstacle("amd64").orElse(""));
    }

    @Test
    void saysThatThereAreNoNativesForArm() {
        skipOnTheModulePath();
        assertEquals(
                "JCuda has no native library for aarch64",
                JCudaLoading.obstacle("aarch64").orElse(""));
    }
}
