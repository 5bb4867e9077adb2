package dev.halcyon.hal;

import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.memory.CacheFormat;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.PackedTensor;
import dev.halcyon.hal.memory.Shape;
import dev.halcyon.hal.memory.WeightFormat;
import dev.halcyon.hal.memory.Workspace;

import java.util.SortedSet;
import java.util.function.Consumer;

/// One open device: it hands out memory and streams, and turns specs into plans.
///
/// Usable from any thread. Closing it lists what was not closed before.
public interface Device extends AutoCloseable {
    /// {@return what the device is}
    DeviceDescription description();

    /// {@return an arena of device memory}
    ///
    /// @param label a name for leak reports and messages
    DeviceArena arena(String label);

    /// {@return an arena of host memory that the device reads and writes fastest; on a CPU simply
    /// memory}
    DeviceArena hostArena(String label);

    /// {@return a stream, owned by the calling thread}
    ///
    /// @throws IllegalStateException on a virtual thread
    Stream stream(String label);

    /// {@return whether the device runs a spec, and how: the very decision that [#plan(KernelSpec)]
    /// takes}
    <A extends KernelArgs> Support supports(KernelSpec<A> spec);

    /// {@return whether the device runs a spec within limits}
    <A extends KernelArgs> Support supports(KernelSpec<A> spec, Limits limits);

    /// {@return the plan of a spec, from the cache where there is one}
    ///
    /// @throws dev.halcyon.hal.error.UnsupportedKernelException if the device declines it
    default <A extends KernelArgs> Plan<A> plan(KernelSpec<A> spec) {
        return plan(spec, Limits.NONE);
    }

    /// {@return the plan of a spec that stays within limits}
    ///
    /// @throws dev.halcyon.hal.error.UnsupportedKernelException if the device declines it
    <A extends KernelArgs> Plan<A> plan(KernelSpec<A> spec, Limits limits);

    /// {@return the plan of a spec, on the policy's device if this one declines it}
    ///
    /// @throws dev.halcyon.hal.error.UnsupportedKernelException if both decline it
    <A extends KernelArgs> Plan<A> plan(KernelSpec<A> spec, FallbackPolicy policy);

    /// {@return scratch memory for any of these plans, one at a time}
    Workspace workspace(DeviceArena arena, Plan<?>... plans);

    /// {@return the format this device is fastest with for a weight; it depends on the weight
    /// alone, never on a batch}
    ///
    /// @param weightShape `[rows, columns]` or `[matrices, rows, columns]`, rows being outputs
    /// @param stored the format the weight has now, whose values are kept
    WeightFormat preferred(Shape weightShape, WeightFormat stored);

    /// {@return memory for a weight in one of this device's own layouts, to be filled by a
    /// `PackWeight` plan}
    ///
    /// @throws IllegalArgumentException if the device does not know the layout
    PackedTensor allocatePacked(DeviceArena arena, Shape weightShape, WeightFormat format);

    /// {@return the cache format this device is fastest with}
    CacheFormat cacheFormat(DType dtype, int latentDim, int ropeDim);

    /// {@return a graph of what `body` adds to the recorder}
    ///
    /// `body` runs first and only collects; nothing of it runs inside a native capture.
    ///
    /// @param arena where the graph lives
    Graph record(DeviceArena arena, Consumer<Recorder> body);

    /// {@return the names of every implementation this device may pick, so that a report can say
    /// which were reached}
    SortedSet<String> implementations();

    /// {@return what the device has done so far}
    Counters counters();

    /// Waits for the work in flight and releases the device; closing twice has no effect.
    ///
    /// Arenas and streams that are still open are closed and listed on the system logger with
    /// label, bytes and, when traced, the stack of their creation.
    @Override
    void close();
}
