package dev.halcyon.backend.cpu.nativecode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.halcyon.backend.cpu.memory.NativeMemory;

import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// The library itself: that it loads, what it says of the processor, and that native images would
/// find all of its functions.
class NativeLibraryTest {
    private static NativeSupport.Present present() {
        if (NativeLibrary.support() instanceof NativeSupport.Absent absent) {
            System.out.println("SKIPPED: no native kernels: " + absent.describe());
            Assumptions.abort(absent.describe());
        }
        return (NativeSupport.Present) NativeLibrary.support();
    }

    @Test
    void findsNoMoreThanTheProcessorLists() throws IOException {
        NativeLevel best = present().best();
        String flags = Files.readString(Path.of("/proc/cpuinfo"));
        assertThat(flags).contains(" avx512_bf16");
        if (best == NativeLevel.AMX) {
            assertThat(flags).contains(" amx_bf16");
        }
        System.out.println("native kernels: " + NativeLibrary.support());
    }

    @Test
    void peakLoopsCountTheirOperations() {
        NativeLevel best = present().best();
        assertThat(PeakCalls.f32(10)).isEqualTo(3_840);
        assertThat(PeakCalls.bf16(10)).isEqualTo(7_680);
        if (best.includes(NativeLevel.AMX)) {
            assertThat(PeakCalls.tiles(10)).isEqualTo(655_360);
        }
    }

    @Test
    void nativeImagesAreToldEveryDescriptor() throws IOException {
        present();
        String metadata;
        try (InputStream in =
                NativeLibrary.class.getResourceAsStream(
                        "/META-INF/native-image/dev.halcyon/backend-cpu/reachability-metadata.json")) {
            metadata =
                    new String(Objects.requireNonNull(in).readAllBytes(), StandardCharsets.UTF_8);
        }
        for (String name : bindings()) {
            try {
                Class.forName(name);
            } catch (ClassNotFoundException missing) {
                throw new AssertionError(missing);
            }
        }
        List<String> missing =
                NativeLibrary.descriptors().stream()
                        .map(NativeLibraryTest::entry)
                        .filter(entry -> !metadata.contains(entry))
                        .toList();
        assertThat(missing).isEmpty();
    }

    /// {@return every class of the package under test}
    private static List<String> bindings() throws IOException {
        URL url = NativeLibrary.class.getResource("NativeLibrary.class");
        try (Stream<Path> files =
                Files.list(Objects.requireNonNull(Path.of(url.toURI()).getParent()))) {
            return files.map(file -> file.getFileName().toString())
                    .filter(file -> file.endsWith("Calls.class"))
                    .map(file -> "dev.halcyon.backend.cpu.nativecode." + file.replace(".class", ""))
                    .toList();
        } catch (URISyntaxException malformed) {
            throw new AssertionError(malformed);
        }
    }

    private static String entry(FunctionDescriptor descriptor) {
        String result = descriptor.returnLayout().map(NativeLibraryTest::name).orElse("\"void\"");
        String parameters =
                descriptor.argumentLayouts().stream()
                        .map(NativeLibraryTest::name)
                        .collect(Collectors.joining(", ", "[", "]"));
        return "{\"returnType\": " + result + ", \"parameterTypes\": " + parameters + "}";
    }

    private static String name(MemoryLayout layout) {
        return "\"" + ((ValueLayout) layout).carrier().getSimpleName() + "\"";
    }

    @Test
    void addressesAreCheckedAgainstTheirSegment() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment segment = arena.allocate(64);
            assertThat(NativeMemory.address(segment, 16, 48)).isEqualTo(segment.address() + 16);
            assertThatThrownBy(() -> NativeMemory.address(segment, 16, 49))
                    .isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> NativeMemory.address(segment, -1, 4))
                    .isInstanceOf(IndexOutOfBoundsException.class);
        }
        assertThatThrownBy(() -> NativeMemory.address(MemorySegment.ofArray(new byte[8]), 0, 8))
                .isInstanceOf(IllegalArgumentException.class);
    }
}
