package dev.halcyon.hal;

import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.Workspace;

/// A spec with the implementation that was picked for it: immutable, cached by spec, usable from
/// any thread.
///
/// @param <A> the arguments that launches of this plan take
public interface Plan<A extends KernelArgs> {
    /// {@return what is computed}
    KernelSpec<A> spec();

    /// {@return the device that runs it}
    Device device();

    /// {@return which implementation runs, and what it promises}
    Support.Native support();

    /// {@return the scratch memory a launch needs}
    long workspaceBytes();

    /// {@return a launch of this plan on these operands: every check happens here, once}
    ///
    /// @param arena where the launch lives; it is stale when the arena is
    /// @param workspace scratch memory, shared by all launches of one stream; see
    ///   [Device#workspace]
    /// @throws IllegalArgumentException if an operand's type, shape, format or device is wrong,
    ///   operands overlap that may not, or the workspace is too small
    /// @throws IllegalStateException if an operand, the workspace or the arena is stale
    Launch bind(DeviceArena arena, A args, Workspace workspace);
}
