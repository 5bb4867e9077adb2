package dev.halcyon.backend.ascend.operators;

/// One thing that a stream is given to do.
public sealed interface DeviceTask permits OperatorCall, DeviceTask.Move, DeviceTask.Set {
    /// Copies bytes between two places of device memory.
    ///
    /// @param to address
    /// @param from address
    /// @param bytes how many
    record Move(long to, long from, long bytes) implements DeviceTask {}

    /// Fills bytes.
    ///
    /// @param address where
    /// @param value the byte
    /// @param bytes how many
    record Set(long address, int value, long bytes) implements DeviceTask {}

    /// {@return what it is called in reports}
    default String name() {
        return switch (this) {
            case OperatorCall call -> call.toString();
            case Move move -> "copy of " + move.bytes() + " bytes";
            case Set set -> "fill of " + set.bytes() + " bytes";
        };
    }
}
