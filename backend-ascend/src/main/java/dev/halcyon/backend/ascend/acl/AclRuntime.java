package dev.halcyon.backend.ascend.acl;

/// What the probe asks of the ACL runtime; a test answers in its place.
public interface AclRuntime {
    /// A return code and the value that belongs to it, meaningless unless the code is 0.
    ///
    /// @param code `aclError`
    /// @param value the value
    record Result<T>(int code, T value) {}

    /// {@return the number of devices}
    Result<Integer> deviceCount();
}
