package dev.halcyon.backend.ascend.acl;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/// The one runtime function that needs neither initialisation nor context.
public final class AclRuntimeLibrary implements AclRuntime {
    private final MethodHandle getDeviceCount;

    /// Binds the function.
    ///
    /// @throws IllegalStateException naming the symbol that the library lacks
    public AclRuntimeLibrary(DynamicLibrary library) {
        MemorySegment address =
                library.find("aclrtGetDeviceCount")
                        .orElseThrow(
                                () ->
                                        new IllegalStateException(
                                                library.path()
                                                        + " has no function aclrtGetDeviceCount"));
        getDeviceCount =
                Linker.nativeLinker()
                        .downcallHandle(
                                address,
                                FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.ADDRESS));
    }

    @Override
    public Result<Integer> deviceCount() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment count = arena.allocate(ValueLayout.JAVA_INT);
            int code = (int) getDeviceCount.invokeExact(count);
            return new Result<>(code, count.get(ValueLayout.JAVA_INT, 0));
        } catch (Throwable failure) {
            throw new AssertionError(failure);
        }
    }
}
