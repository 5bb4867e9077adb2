package dev.halcyon.backend.cpu.nativecode;

import dev.halcyon.backend.cpu.memory.NativeMemory;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.util.Collections;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/// `libhalcyon_cpu`, loaded once a JVM and never unloaded.
public final class NativeLibrary {
    /// What `hcpu_version` must return.
    private static final int VERSION = 2;

    private static final int HAS_AVX512_BF16 = 1;
    private static final int HAS_AMX = 2;
    private static final int HAS_FAST_DOTS = 4;
    private static final FunctionDescriptor TO_INT = FunctionDescriptor.of(ValueLayout.JAVA_INT);
    private static final Set<FunctionDescriptor> DESCRIPTORS = ConcurrentHashMap.newKeySet();
    private static final Loaded LOADED = load();

    private NativeLibrary() {}

    private record Loaded(NativeSupport support, SymbolLookup symbols) {
        static Loaded absent(NativeSupport.Reason reason, String detail, String remedy) {
            return new Loaded(
                    new NativeSupport.Absent(reason, detail, remedy), _ -> Optional.empty());
        }
    }

    /// {@return whether native kernels can run in this JVM}
    public static NativeSupport support() {
        return LOADED.support;
    }

    /// {@return a handle of a function, for a static final field of a class of bindings}
    ///
    /// Downcalls are ordinary ones, not critical: they cost less than 10 ns, and the collector need
    /// not wait for them. Addresses are passed as `long`, see [NativeMemory].
    ///
    /// @throws IllegalStateException if the library is absent
    static MethodHandle function(String name, FunctionDescriptor descriptor) {
        if (LOADED.support instanceof NativeSupport.Absent absent) {
            throw new IllegalStateException(
                    name + " was called without the library: " + absent.describe());
        }
        return handle(LOADED.symbols, name, descriptor);
    }

    private static MethodHandle handle(
            SymbolLookup symbols, String name, FunctionDescriptor descriptor) {
        DESCRIPTORS.add(descriptor);
        return Linker.nativeLinker().downcallHandle(symbols.findOrThrow(name), descriptor);
    }

    /// {@return the descriptors of all functions bound so far, for the test of the metadata that
    /// native images need}
    static Set<FunctionDescriptor> descriptors() {
        return Collections.unmodifiableSet(DESCRIPTORS);
    }

    private static Loaded load() {
        String platform = NativeFile.platform().orElse("");
        if (platform.isEmpty()) {
            return Loaded.absent(
                    NativeSupport.Reason.NO_SUCH_PLATFORM,
                    "there are no native kernels for "
                            + System.getProperty("os.name")
                            + " on "
                            + System.getProperty("os.arch"),
                    "");
        }
        Module module = NativeLibrary.class.getModule();
        if (!module.isNativeAccessEnabled()) {
            return Loaded.absent(
                    NativeSupport.Reason.NATIVE_ACCESS_DENIED,
                    "this JVM does not allow the CPU backend native access",
                    "add --enable-native-access="
                            + (module.isNamed() ? module.getName() : "ALL-UNNAMED")
                            + " to the java command");
        }
        NativeFile.Found found = null;
        try {
            found = NativeFile.find(platform);
            if (found == null) {
                return Loaded.absent(
                        NativeSupport.Reason.NOT_FOUND,
                        "libhalcyon_cpu is neither on the class path nor on the module path",
                        "add backend-cpu's jar with the classifier "
                                + platform
                                + ", or build with a C compiler installed");
            }
            return check(SymbolLookup.libraryLookup(found.file(), Arena.global()), found.origin());
        } catch (IOException | RuntimeException | LinkageError failed) {
            return Loaded.absent(
                    NativeSupport.Reason.LOAD_ERROR,
                    "libhalcyon_cpu"
                            + (found == null ? "" : " of " + found.origin())
                            + " cannot be loaded: "
                            + failed.getMessage(),
                    "if the folder for temporary files forbids execution, choose another with"
                            + " -Djava.io.tmpdir");
        } finally {
            if (found != null && found.isCopy()) {
                delete(found);
            }
        }
    }

    private static Loaded check(SymbolLookup symbols, String origin) {
        int version = callInt(symbols, "hcpu_version");
        if (version != VERSION) {
            return Loaded.absent(
                    NativeSupport.Reason.VERSION_MISMATCH,
                    origin + " has version " + version + ", this backend needs " + VERSION,
                    "use the same version of backend-cpu's jar with the classifier");
        }
        int features = callInt(symbols, "hcpu_features");
        NativeLevel best = NativeLevel.NONE;
        if ((features & HAS_AMX) != 0) {
            best = NativeLevel.AMX;
        } else if ((features & HAS_AVX512_BF16) != 0) {
            best = NativeLevel.AVX512_BF16;
        }
        if (!best.isPresent()) {
            return Loaded.absent(
                    NativeSupport.Reason.PROCESSOR_LACKS,
                    "this processor, or its operating system, lacks AVX512-BF16 or one of the"
                            + " extensions F, BW, DQ, VL, VBMI and VNNI",
                    "");
        }
        boolean fastDots = (features & HAS_FAST_DOTS) != 0;
        return new Loaded(new NativeSupport.Present(best, fastDots, origin), symbols);
    }

    private static int callInt(SymbolLookup symbols, String name) {
        try {
            return (int) handle(symbols, name, TO_INT).invokeExact();
        } catch (Throwable failed) {
            throw Downcall.failure(failed);
        }
    }

    /// On Linux a library outlives its file's name.
    private static void delete(NativeFile.Found found) {
        try {
            Files.delete(found.file());
            Files.delete(Objects.requireNonNull(found.file().getParent()));
        } catch (IOException left) {
            found.file().toFile().deleteOnExit();
        }
    }
}
