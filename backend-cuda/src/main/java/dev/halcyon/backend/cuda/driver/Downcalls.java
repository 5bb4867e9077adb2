package dev.halcyon.backend.cuda.driver;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/// The one door to native functions, which keeps account of their types: whoever compiles Java
/// ahead of time has to list them all.
public final class Downcalls {
    private static final Set<FunctionDescriptor> TYPES = ConcurrentHashMap.newKeySet();

    private Downcalls() {}

    /// {@return the function at an address}
    public static MethodHandle bind(MemorySegment address, FunctionDescriptor type) {
        TYPES.add(type);
        return Linker.nativeLinker().downcallHandle(address, type);
    }

    /// {@return the types of all functions bound so far}
    static Set<FunctionDescriptor> types() {
        return Set.copyOf(TYPES);
    }
}
