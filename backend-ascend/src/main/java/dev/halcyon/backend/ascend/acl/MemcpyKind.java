package dev.halcyon.backend.ascend.acl;

/// Where a copy comes from and goes to: `aclrtMemcpyKind`.
public enum MemcpyKind {
    /// From host memory to device memory.
    HOST_TO_DEVICE(1),
    /// From device memory to host memory.
    DEVICE_TO_HOST(2),
    /// Between two places of device memory.
    DEVICE_TO_DEVICE(3);

    private final int value;

    MemcpyKind(int value) {
        this.value = value;
    }

    int value() {
        return value;
    }
}
