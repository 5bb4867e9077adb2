package dev.halcyon.backend.ascend.operators;

import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/// One thing that a stream is given to do.
public sealed interface DeviceTask
        permits OperatorCall, DeviceTask.Move, DeviceTask.Set, DeviceTask.HostPlanned {
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

    /// An operator that takes numbers of step inputs from the host, and what to do instead where
    /// the operator cannot take what was published.
    ///
    /// @param call the operator, with a [HostArray] among its arguments
    /// @param fits whether it takes what was published last
    /// @param otherwise makes what does the same on the device alone, and counts bad indices there
    record HostPlanned(
            OperatorCall call, BooleanSupplier fits, Supplier<List<DeviceTask>> otherwise)
            implements DeviceTask {}

    /// {@return what it is called in reports}
    default String name() {
        return switch (this) {
            case OperatorCall call -> call.toString();
            case Move move -> "copy of " + move.bytes() + " bytes";
            case HostPlanned planned -> planned.call().toString();
            case Set set -> "fill of " + set.bytes() + " bytes";
        };
    }
}
