package dev.halcyon.backend.cuda.driver;

import static dev.halcyon.backend.cuda.driver.DriverFunctions.INT;
import static dev.halcyon.backend.cuda.driver.DriverFunctions.SEGMENT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/// The few driver functions that need no context, which every driver has.
///
/// Source: CUDA driver API manual.
public final class FfmDriverQuery implements DriverQuery {
    private static final int LONGEST_NAME = 256;

    private final MethodHandle init;
    private final MethodHandle driverGetVersion;
    private final MethodHandle deviceGetCount;
    private final MethodHandle deviceGetName;
    private final MethodHandle deviceGetAttribute;
    private final boolean emulated;

    /// Binds the functions.
    ///
    /// @throws IllegalStateException naming the symbol that the library lacks
    public FfmDriverQuery(DynamicLibrary library) {
        DriverFunctions functions = new DriverFunctions(library);
        init = functions.bind("cuInit", INT);
        driverGetVersion = functions.bind("cuDriverGetVersion", SEGMENT);
        deviceGetCount = functions.bind("cuDeviceGetCount", SEGMENT);
        deviceGetName = functions.bind("cuDeviceGetName", SEGMENT, INT, INT);
        deviceGetAttribute = functions.bind("cuDeviceGetAttribute", SEGMENT, INT, INT);
        emulated = library.find(FfmDriver.STUB_MARK).isPresent();
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
            MemorySegment value = arena.allocate(INT);
            int code = (int) function.invokeExact(value);
            return new Result<>(code, value.get(INT, 0));
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

    @Override
    public Result<Integer> attribute(DeviceAttribute attribute, int ordinal) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment value = arena.allocate(INT);
            int code = (int) deviceGetAttribute.invokeExact(value, attribute.number(), ordinal);
            return new Result<>(code, value.get(INT, 0));
        } catch (Throwable failure) {
            throw new AssertionError(failure);
        }
    }

    @Override
    public boolean isEmulated() {
        return emulated;
    }
}
