package dev.halcyon.backend.cuda.driver;

/// The attributes of a device that the backend asks for, with the driver's numbers for them.
public enum DeviceAttribute {
    /// Multiprocessors.
    MULTIPROCESSORS(16),
    /// Major part of the compute capability.
    COMPUTE_MAJOR(75),
    /// Minor part of the compute capability.
    COMPUTE_MINOR(76),
    /// Most shared memory of a block, in bytes, that a function may be allowed to use.
    MOST_SHARED_BYTES(97),
    /// Whether there are pools of memory.
    MEMORY_POOLS(115);

    private final int number;

    DeviceAttribute(int number) {
        this.number = number;
    }

    /// {@return the value of the `CUdevice_attribute`}
    public int number() {
        return number;
    }
}
