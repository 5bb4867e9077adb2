package dev.halcyon.backend.cuda;

import dev.halcyon.backend.cuda.driver.DynamicLibrary;

import org.junit.jupiter.api.Assumptions;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/// The stub of `native/cuda-stub` in the place of a driver, and what a test says to it.
///
/// There is one in a process: JCuda's library finds it by its name, and whoever sets something sets
/// it for all.
public final class StubLibrary {
    private static final Path FOLDER =
            Path.of(System.getProperty("halcyon.cuda.stub", "target/cuda-stub")).toAbsolutePath();
    private static final int RECORD_BYTES = 1 << 20;

    private final DynamicLibrary library;

    private StubLibrary(DynamicLibrary library) {
        this.library = library;
    }

    /// {@return the path of the stub}
    public static Path path() {
        return FOLDER.resolve("libcuda.so.1");
    }

    /// {@return the stub of cuBLASLt; without it, the test is skipped aloud}
    public static Path blasOrSkip() {
        Path library = FOLDER.resolve("libcublasLt.so.13");
        skipUnless(library, "the stub of cuBLASLt");
        return library;
    }

    /// {@return a library in the place of a driver that is not one: `incomplete` lacks another
    /// library, `empty` has no function; without it, the test is skipped aloud}
    public static Path variantOrSkip(String name) {
        Path variant = FOLDER.resolve(name).resolve("libcuda.so.1");
        skipUnless(variant, "the library in the place of the CUDA driver's, \"" + name + "\"");
        return variant;
    }

    /// {@return the path of the kernels for the processor}
    public static Path kernels() {
        return FOLDER.resolve("libhalcyon_cuda_host.so");
    }

    /// {@return the stub in its first state; without one, the test is skipped aloud}
    public static StubLibrary orSkip() {
        skipUnless(path(), "the stub of the CUDA driver");
        StubLibrary stub = new StubLibrary(DynamicLibrary.open(path().toString()).library().get());
        stub.reset();
        return stub;
    }

    /// {@return the stub with kernels; without, the test is skipped aloud}
    public static StubLibrary withKernelsOrSkip() {
        StubLibrary stub = orSkip();
        Path kernels = kernels();
        skipUnless(kernels, "the kernels for the processor");
        try (Arena arena = Arena.ofConfined()) {
            MethodHandle load = stub.bind("halcyon_stub_kernels", ValueLayout.ADDRESS);
            int count = (int) load.invokeExact(arena.allocateFrom(kernels.toString()));
            if (count < 1) {
                throw new AssertionError(kernels + " could not be loaded");
            }
        } catch (Throwable failure) {
            throw new AssertionError(failure);
        }
        return stub;
    }

    private static void skipUnless(Path file, String what) {
        if (!Files.isRegularFile(file)) {
            String message =
                    what
                            + " was not built ("
                            + file
                            + " is missing): install gcc and g++, then build the module again";
            System.out.println("SKIPPED: " + message);
            Assumptions.abort(message);
        }
    }

    private MethodHandle bind(String name, MemoryLayout... parameters) {
        return Linker.nativeLinker()
                .downcallHandle(
                        library.find(name).orElseThrow(),
                        FunctionDescriptor.of(ValueLayout.JAVA_INT, parameters));
    }

    /// {@return the stub as a library}
    public DynamicLibrary library() {
        return library;
    }

    /// Forgets settings, failures and the record.
    public void reset() {
        try {
            int ignored = (int) bind("halcyon_stub_reset").invokeExact();
        } catch (Throwable failure) {
            throw new AssertionError(failure);
        }
    }

    /// Sets what the stub pretends to be.
    public void set(String name, long value) {
        try (Arena arena = Arena.ofConfined()) {
            int ignored =
                    (int)
                            bind("halcyon_stub_set", ValueLayout.ADDRESS, ValueLayout.JAVA_LONG)
                                    .invokeExact(arena.allocateFrom(name), value);
        } catch (Throwable failure) {
            throw new AssertionError(failure);
        }
    }

    /// Makes a function fail once, after so many calls that do not, or always if `after` is
    /// negative.
    public void fail(String function, int after, int code) {
        try (Arena arena = Arena.ofConfined()) {
            int ignored =
                    (int)
                            bind(
                                            "halcyon_stub_fail",
                                            ValueLayout.ADDRESS,
                                            ValueLayout.JAVA_INT,
                                            ValueLayout.JAVA_INT)
                                    .invokeExact(arena.allocateFrom(function), after, code);
        } catch (Throwable failure) {
            throw new AssertionError(failure);
        }
    }

    /// {@return the calls since the last time, such as `cuMemAlloc_v2(1024)`}
    public List<String> takeRecord() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment text = arena.allocate(RECORD_BYTES);
            int ignored =
                    (int)
                            bind(
                                            "halcyon_stub_take_record",
                                            ValueLayout.ADDRESS,
                                            ValueLayout.JAVA_LONG)
                                    .invokeExact(text, (long) RECORD_BYTES);
            return text.getString(0).lines().toList();
        } catch (Throwable failure) {
            throw new AssertionError(failure);
        }
    }

    /// {@return how many of a kind are alive: `allocations`, `events`, …}
    public int alive(String what) {
        try (Arena arena = Arena.ofConfined()) {
            return (int)
                    bind("halcyon_stub_alive", ValueLayout.ADDRESS)
                            .invokeExact(arena.allocateFrom(what));
        } catch (Throwable failure) {
            throw new AssertionError(failure);
        }
    }
}
