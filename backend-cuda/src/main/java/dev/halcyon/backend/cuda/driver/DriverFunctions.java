package dev.halcyon.backend.cuda.driver;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/// Binds functions of a library that return an `int`.
///
/// Handles, device addresses and host addresses travel as `long`, which is what the calling
/// conventions of 64-bit Linux make of a pointer; only memory of an FFM arena travels as a segment.
///
/// @param library where the functions are
record DriverFunctions(DynamicLibrary library) {
    static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;
    static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG;
    static final MemoryLayout SEGMENT = ValueLayout.ADDRESS;

    /// {@return the function}
    ///
    /// @throws IllegalStateException naming the symbol that the library lacks
    MethodHandle bind(String symbol, MemoryLayout... parameters) {
        MemorySegment address =
                library.find(symbol)
                        .orElseThrow(
                                () ->
                                        new IllegalStateException(
                                                library.path()
                                                        + " has no function "
                                                        + symbol
                                                        + "; it needs an NVIDIA driver of version"
                                                        + " 525 or later"));
        return Downcalls.bind(address, FunctionDescriptor.of(INT, parameters));
    }
}
