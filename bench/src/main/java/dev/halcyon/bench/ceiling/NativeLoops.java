package dev.halcyon.bench.ceiling;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.halcyon.hal.memory.DType;

import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// The loops in C that come with the CPU backend: what Java's Vector API cannot say.
///
/// They are looked up by the library's file and not through the backend, for the benchmark knows
/// backends by their services alone. Where the library is missing, Java's loops are the ceiling.
@SuppressWarnings("restricted")
final class NativeLoops {
    private static final String LIBRARY = "META-INF/halcyon/native/linux-x86_64/libhalcyon_cpu.so";

    private static final int HAS_AVX512_BF16 = 1;
    private static final int HAS_AMX = 2;

    /// Steps that take some tens of microseconds.
    private static final long VECTOR_STEPS = 20_000;

    private static final long TILE_STEPS = 2_000;

    private final List<PeakLoop> peaks;
    private final Optional<Reader> reader;

    private NativeLoops(List<PeakLoop> peaks, Optional<Reader> reader) {
        this.peaks = List.copyOf(peaks);
        this.reader = reader;
    }

    /// Reads memory in order.
    interface Reader {
        /// Reads `bytes` bytes, a multiple of 512, from an aligned address.
        void read(long address, long bytes);
    }

    /// {@return the loops that run on this machine; none without the library}
    static NativeLoops find() {
        if (!NativeLoops.class.getModule().isNativeAccessEnabled()) {
            return none();
        }
        URL url = ClassLoader.getSystemResource(LIBRARY);
        try {
            return url == null ? none() : of(SymbolLookup.libraryLookup(file(url), Arena.global()));
        } catch (IOException | URISyntaxException | IllegalArgumentException unloadable) {
            // The backend says what is wrong with the library; here it is one ceiling less.
            return none();
        }
    }

    private static NativeLoops none() {
        return new NativeLoops(List.of(), Optional.empty());
    }

    private static Path file(URL url) throws IOException, URISyntaxException {
        if (url.getProtocol().equals("file")) {
            return Path.of(new URI(url.toString()));
        }
        Path copy = Files.createTempDirectory("halcyon-ceilings").resolve("libhalcyon_cpu.so");
        copy.toFile().deleteOnExit();
        try (InputStream in = url.openStream()) {
            Files.copy(in, copy);
        }
        return copy;
    }

    private static NativeLoops of(SymbolLookup library) {
        int features = number(library, "hcpu_features");
        List<PeakLoop> peaks = new ArrayList<>();
        if ((features & HAS_AVX512_BF16) == 0) {
            return none();
        }
        peaks.add(loop(library, DType.F32, "hcpu_peak_f32", "C, vfmadd231ps", VECTOR_STEPS));
        peaks.add(loop(library, DType.BF16, "hcpu_peak_bf16", "C, vdpbf16ps", VECTOR_STEPS));
        if ((features & HAS_AMX) != 0) {
            peaks.add(loop(library, DType.BF16, "hcpu_peak_tiles", "C, tdpbf16ps", TILE_STEPS));
        }
        return new NativeLoops(peaks, Optional.of(reader(library)));
    }

    private static Reader reader(SymbolLookup library) {
        MethodHandle read =
                handle(library, "hcpu_peak_read", FunctionDescriptor.ofVoid(JAVA_LONG, JAVA_LONG));
        return (address, bytes) -> {
            try {
                read.invokeExact(address, bytes);
            } catch (Throwable impossible) {
                throw new AssertionError("the loop throws nothing", impossible);
            }
        };
    }

    private static MethodHandle handle(
            SymbolLookup library, String name, FunctionDescriptor signature) {
        return Linker.nativeLinker().downcallHandle(library.findOrThrow(name), signature);
    }

    private static int number(SymbolLookup library, String name) {
        MethodHandle function = handle(library, name, FunctionDescriptor.of(JAVA_INT));
        try {
            return (int) function.invokeExact();
        } catch (Throwable impossible) {
            throw new AssertionError(name + " throws nothing", impossible);
        }
    }

    private static PeakLoop loop(
            SymbolLookup library, DType dtype, String name, String label, long steps) {
        return new Loop(
                dtype,
                label,
                handle(library, name, FunctionDescriptor.of(JAVA_DOUBLE, JAVA_LONG)),
                steps);
    }

    private record Loop(DType dtype, String label, MethodHandle function, long steps)
            implements PeakLoop {
        @Override
        public double run() {
            try {
                return (double) function.invokeExact(steps);
            } catch (Throwable impossible) {
                throw new AssertionError("the loop throws nothing", impossible);
            }
        }
    }

    /// {@return the loops that multiply and add}
    List<PeakLoop> peaks() {
        return peaks;
    }

    /// {@return the loop that reads}
    Optional<Reader> reader() {
        return reader;
    }
}
