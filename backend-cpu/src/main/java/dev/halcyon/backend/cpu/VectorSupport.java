package dev.halcyon.backend.cpu;

import dev.halcyon.backend.cpu.loops.Loops;

import java.lang.foreign.MemorySegment;
import java.lang.reflect.InvocationTargetException;
import java.util.Optional;

/// The guarded way to the `vector` package: whether it can be loaded, and the widest vectors it
/// finds.
///
/// The classes there link against `jdk.incubator.vector`, which on the class path needs a flag;
/// touching them without it is a [NoClassDefFoundError], so nothing else names them.
final class VectorSupport {
    /// What to add to the command line where the module is missing.
    static final String FLAG = "--add-modules jdk.incubator.vector";

    private static final String ENTRY = "dev.halcyon.backend.cpu.vector.VectorLoops";

    private static final boolean READS_BY_ADDRESS = readsByAddress();

    private VectorSupport() {}

    /// {@return whether the incubator module is in this JVM}
    static boolean isPresent() {
        return ModuleLayer.boot().findModule("jdk.incubator.vector").isPresent();
    }

    /// {@return why the vector loops cannot run in this JVM, with the remedy; empty if they can}
    static Optional<String> absence() {
        if (!isPresent()) {
            return Optional.of(
                    "the Vector API is not in this JVM; add "
                            + FLAG
                            + " to the java command, or run on the module path");
        }
        return READS_BY_ADDRESS
                ? Optional.empty()
                : Optional.of(
                        "native access is denied to the vector loops, which read memory by"
                                + " address; add --enable-native-access="
                                + moduleName()
                                + " to the java command");
    }

    /// {@return the widest vectors of this machine in bits, empty if the vector loops cannot run}
    static Optional<Integer> preferredBits() {
        return absence().isEmpty()
                ? Optional.of((Integer) call("preferredBits", new Class<?>[0]))
                : Optional.empty();
    }

    /// Without `--illegal-native-access=deny` the JVM allows it to everybody, at most with a
    /// warning.
    @SuppressWarnings("restricted")
    private static boolean readsByAddress() {
        try {
            return MemorySegment.NULL.reinterpret(1).byteSize() == 1;
        } catch (IllegalCallerException denied) {
            return false;
        }
    }

    private static String moduleName() {
        Module module = VectorSupport.class.getModule();
        return module.isNamed() ? module.getName() : "ALL-UNNAMED";
    }

    /// {@return the loops at a width}
    ///
    /// @throws IllegalStateException if this JVM has taken another width before
    static Loops loops(Isa isa) {
        return (Loops) call("of", new Class<?>[] {int.class}, isa.bits());
    }

    private static Object call(String method, Class<?>[] types, Object... values) {
        try {
            return Class.forName(ENTRY).getMethod(method, types).invoke(null, values);
        } catch (InvocationTargetException failed) {
            if (failed.getCause() instanceof RuntimeException unchecked) {
                throw unchecked;
            }
            throw new IllegalStateException("the vector loops cannot be set up", failed.getCause());
        } catch (ReflectiveOperationException missing) {
            throw new LinkageError("the vector loops are missing from the jar", missing);
        }
    }
}
