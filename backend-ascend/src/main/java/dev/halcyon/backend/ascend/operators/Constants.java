package dev.halcyon.backend.ascend.operators;

/// Tables in device memory that never change, made when they are first wanted.
@FunctionalInterface
public interface Constants {
    /// {@return the address of these bytes in device memory}
    ///
    /// @param name of the table; equal names mean equal bytes
    /// @param bytes what to put there
    long address(String name, byte[] bytes);
}
