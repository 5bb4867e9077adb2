package dev.halcyon.backend.cuda.driver;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/// The few driver functions that need no context.
///
/// Source: CUDA driver API documentation.
public final class CudaDriverLibrary implements CudaDriver {
    private static final int LONGEST_NAME = 256;
    private static final FunctionDescriptor INT_OF_INT =
            FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT);
    private static final FunctionDescriptor INT_OF_ADDRESS =
            FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.ADDRESS);
    private static final FunctionDescriptor INT_OF_ADDRESS_INT_INT =
            FunctionDescriptor.of(
                    ValueLayout.JAVA_INT,
                    ValueLayout.ADDRESS,
                    ValueLayout.JAVA_INT,
                    ValueLayout.JAVA_INT);

    private final MethodHandle init;
    private final MethodHandle driverGetVersion;
    private final MethodHandle deviceGetCount;
    private final MethodHandle deviceGetName;

    /// Binds the functions.
    ///
    /// @throws IllegalStateException naming the symbol that the library lacks
    public CudaDriverLibrary(DynamicLibrary library) {
        init = bind(library, "cuInit", INT_OF_INT);
        driverGetVersion = bind(library, "cuDriverGetVersion", INT_OF_ADDRESS);
        deviceGetCount = bind(library, "cuDeviceGetCount", INT_OF_ADDRESS);
        deviceGetName = bind(library, "cuDeviceGetName", INT_OF_ADDRESS_INT_INT);
    }

    private static MethodHandle bind(
            DynamicLibrary library, String symbol, FunctionDescriptor descriptor) {
        MemorySegment address =
                library.find(symbol)
                        .orElseThrow(
                                () ->
                                        new IllegalStateException(
                                                library.path() + " has no function " + symbol));
        return Linker.nativeLinker().downcallHandle(address, descriptor);
    }

    @Override
    public int init() {
        try {
            return (int) init.invokeExact(0);
        } catch (Throwable failure) {
            throw new AssertionError(failure);
        }
    }

    @Override
    public Result<Integer> driverVersion() {
        return integer(driverGetVersion);
    }

    @Override
    public Result<Integer> deviceCount() {
        return integer(deviceGetCount);
    }

    private static Result<Integer> integer(MethodHandle function) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment value = arena.allocate(ValueLayout.JAVA_INT);
            int code = (int) function.invokeExact(value);
            return new Result<>(code, value.get(ValueLayout.JAVA_INT, 0));
        } catch (Throwable failure) {
            throw new AssertionError(failure);
        }
    }

    @Override
    public Result<String> deviceName(int ordinal) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment name = arena.allocate(LONGEST_NAME);
            int code = (int) deviceGetName.invokeExact(name, LONGEST_NAME, ordinal);
            return new Result<>(code, name.getString(0));
        } catch (Throwable failure) {
            throw new AssertionError(failure);
        }
    }
}
