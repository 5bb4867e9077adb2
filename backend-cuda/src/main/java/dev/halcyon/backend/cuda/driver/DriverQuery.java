package dev.halcyon.backend.cuda.driver;

/// What the probe asks of the driver, none of which needs a context; a test answers in its place.
public interface DriverQuery {
    /// A return code and the value that belongs to it, meaningless unless the code is 0.
    ///
    /// @param code `CUresult`
    /// @param value the value
    record Result<T>(int code, T value) {}

    /// {@return the code of `cuInit(0)`}
    int init();

    /// {@return the CUDA version the driver supports, `1000 * major + 10 * minor`}
    Result<Integer> driverVersion();

    /// {@return the number of devices}
    Result<Integer> deviceCount();

    /// {@return the name of a device}
    Result<String> deviceName(int ordinal);

    /// {@return an attribute of a device}
    Result<Integer> attribute(DeviceAttribute attribute, int ordinal);

    /// {@return whether this is the stub that stands in for a driver in tests, and no GPU is there}
    boolean isEmulated();
}
