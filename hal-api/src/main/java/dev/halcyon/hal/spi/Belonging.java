package dev.halcyon.hal.spi;

import dev.halcyon.hal.Device;
import dev.halcyon.hal.Launch;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.Tensor;

/// Tells a device's own launches and memory from another's.
///
/// @param device whose they should be
/// @param <W> the backend's type of bound work
public record Belonging<W>(Device device) {
    /// {@return the launch with the backend's own work}
    ///
    /// @throws IllegalStateException if it is of another device
    @SuppressWarnings("unchecked")
    public BoundLaunch<W> own(Launch launch) {
        if (!(launch instanceof BoundLaunch<?> bound) || bound.plan().device() != device) {
            throw new IllegalStateException(
                    "a launch of "
                            + launch.plan().device().description().id()
                            + " was given to a stream or recorder of "
                            + device.description().id());
        }
        return (BoundLaunch<W>) bound;
    }

    /// {@return whether a tensor is memory of the device}
    public boolean owns(Tensor tensor) {
        return tensor.arena().device() == device;
    }

    /// Requires a tensor in memory of the device.
    ///
    /// @throws IllegalArgumentException if it is of another device
    public void check(String operation, Tensor tensor) {
        if (!owns(tensor)) {
            throw new IllegalArgumentException(
                    operation
                            + ": "
                            + tensor
                            + " is memory of "
                            + tensor.arena().device().description().id()
                            + ", not of "
                            + device.description().id());
        }
    }

    /// Requires an arena of the device.
    ///
    /// @throws IllegalArgumentException if it is of another device
    public void check(String operation, DeviceArena arena) {
        if (arena.device() != device) {
            throw new IllegalArgumentException(
                    operation
                            + ": arena \""
                            + arena.label()
                            + "\" is of "
                            + arena.device().description().id()
                            + ", not of "
                            + device.description().id());
        }
    }

    /// Requires an arena of the device that is open, as the home of a graph.
    ///
    /// @throws IllegalArgumentException if it is of another device
    /// @throws IllegalStateException if it is closed
    public void checkHome(DeviceArena arena) {
        check("record", arena);
        if (!arena.isAlive()) {
            throw new IllegalStateException(
                    "record: the arena \""
                            + arena.label()
                            + "\" for the graph is closed; use one that is open");
        }
    }
}
