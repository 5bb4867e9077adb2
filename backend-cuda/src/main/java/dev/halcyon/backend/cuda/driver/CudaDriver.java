package dev.halcyon.backend.cuda.driver;

/// What the probe asks of the driver; a test answers in its place.
public interface CudaDriver {
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
}
