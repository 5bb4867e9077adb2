package dev.halcyon.backend.cuda.driver;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.Optional;

/// A shared library opened with `dlopen`, so that the loader's own words about a failure are kept.
///
/// [java.lang.foreign.SymbolLookup#libraryLookup] says only "Cannot open library", whatever is
/// wrong.
///
/// @param path what was opened
/// @param handle the loader's handle
public record DynamicLibrary(String path, MemorySegment handle) {
    private static final int RTLD_NOW = 2;
    private static final long LONGEST_MESSAGE = 4096;

    /// What came of opening a library: the library, or the loader's message.
    ///
    /// @param library the library, if it could be opened
    /// @param message why it could not, empty if it could
    public record Opened(Optional<DynamicLibrary> library, String message) {}

    /// {@return the library at `path`, a file or a name for the loader to search}
    public static Opened open(String path) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment handle =
                    (MemorySegment) Loader.DLOPEN.invokeExact(arena.allocateFrom(path), RTLD_NOW);
            if (handle.address() != 0) {
                return new Opened(Optional.of(new DynamicLibrary(path, handle)), "");
            }
            MemorySegment message = (MemorySegment) Loader.DLERROR.invokeExact();
            return new Opened(
                    Optional.empty(),
                    message.address() == 0
                            ? path + " cannot be opened"
                            : message.reinterpret(LONGEST_MESSAGE).getString(0));
        } catch (Throwable failure) {
            throw new LinkageError("dlopen failed", failure);
        }
    }

    /// {@return the address of a symbol, if the library has it}
    public Optional<MemorySegment> find(String symbol) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment address =
                    (MemorySegment) Loader.DLSYM.invokeExact(handle, arena.allocateFrom(symbol));
            return address.address() == 0 ? Optional.empty() : Optional.of(address);
        } catch (Throwable failure) {
            throw new LinkageError("dlsym failed", failure);
        }
    }

    /// Resolved on first use, so that loading this class touches nothing native.
    private static final class Loader {
        static final MethodHandle DLOPEN =
                bind(
                        "dlopen",
                        FunctionDescriptor.of(
                                ValueLayout.ADDRESS, ValueLayout.ADDRESS, ValueLayout.JAVA_INT));
        static final MethodHandle DLERROR =
                bind("dlerror", FunctionDescriptor.of(ValueLayout.ADDRESS));
        static final MethodHandle DLSYM =
                bind(
                        "dlsym",
                        FunctionDescriptor.of(
                                ValueLayout.ADDRESS, ValueLayout.ADDRESS, ValueLayout.ADDRESS));

        private static MethodHandle bind(String name, FunctionDescriptor descriptor) {
            return Downcalls.bind(
                    Linker.nativeLinker().defaultLookup().findOrThrow(name), descriptor);
        }
    }
}
