package dev.halcyon.backend.cpu;

import dev.halcyon.backend.cpu.loops.Loops;

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

    private VectorSupport() {}

    /// {@return whether the incubator module is in this JVM}
    static boolean isPresent() {
        return ModuleLayer.boot().findModule("jdk.incubator.vector").isPresent();
    }

    /// {@return the widest vectors of this machine in bits, empty without the module}
    static Optional<Integer> preferredBits() {
        return isPresent()
                ? Optional.of((Integer) call("preferredBits", new Class<?>[0]))
                : Optional.empty();
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
