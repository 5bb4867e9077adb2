package dev.halcyon.hal;

import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.memory.StepInput;
import dev.halcyon.hal.memory.Tensor;

import java.lang.foreign.MemorySegment;

/// An in-order queue of work on one device.
///
/// Work may run while the call is still in progress (a CPU stream does that) or later; the order
/// that can be observed is the same. A stream whose work failed accepts nothing more: it hands its
/// first cause to whoever submits to it, waits on it or awaits one of its timepoints.
///
/// *Threads.* A stream belongs to one platform thread at a time; a virtual thread is refused,
/// because native contexts and worker pools are per platform thread.
public interface Stream extends AutoCloseable {
    /// {@return the device}
    Device device();

    /// {@return the name given at creation}
    String label();

    /// Runs a launch. This is the hot path: no allocation and no check beyond liveness.
    ///
    /// @throws IllegalStateException if the launch is stale, from another device, or in flight
    ///   elsewhere
    void submit(Launch launch);

    /// Plans, binds and submits in one call, with the stream's own workspace; for people rather
    /// than hot loops.
    ///
    /// @throws dev.halcyon.hal.error.UnsupportedKernelException if the device declines the spec
    <A extends KernelArgs> void run(KernelSpec<A> spec, A args);

    /// Copies a tensor into another of the same type and shape, on this or another device.
    ///
    /// @throws IllegalArgumentException if type or shape differ
    void copy(Tensor destination, Tensor source);

    /// Sets every element to `value`, converted to the element type.
    void fill(Tensor destination, double value);

    /// Copies host bytes into a contiguous tensor; `source` is free again when the call returns.
    ///
    /// @throws IllegalArgumentException if the sizes differ
    void upload(Tensor destination, MemorySegment source);

    /// Copies a contiguous tensor into host bytes; they are there when the call returns.
    ///
    /// @throws IllegalArgumentException if the sizes differ
    void download(MemorySegment destination, Tensor source);

    /// Converts `values` to the tensor's element type, rounding to nearest even, and writes them in
    /// row-major order.
    ///
    /// @throws IllegalArgumentException if the numbers of elements differ
    void write(Tensor destination, float... values);

    /// Converts integers to the tensor's element type and writes them in row-major order; what the
    /// type cannot hold becomes its nearest value.
    ///
    /// @throws IllegalArgumentException if the numbers of elements differ
    void write(Tensor destination, int... values);

    /// {@return the elements in row-major order, converted to `float`; waits for the work before}
    float[] readFloats(Tensor source);

    /// {@return the elements of an integer tensor in row-major order; waits for the work before}
    ///
    /// @throws ArithmeticException if an element does not fit an `int`
    int[] readInts(Tensor source);

    /// Makes the version last written through `input.next()` the one that later submits and replays
    /// see.
    ///
    /// @throws IllegalStateException if `next()` was not called since the last publish
    void publish(StepInput input);

    /// Runs a recorded graph.
    ///
    /// @throws dev.halcyon.hal.error.StaleGraphException if an arena the graph captured is closed
    ///   or was reset
    void replay(Graph graph);

    /// {@return the point after everything submitted so far}
    Timepoint mark();

    /// Makes later work wait until `timepoint` is reached, on whichever device it is.
    ///
    /// @throws dev.halcyon.hal.error.DeviceExecutionException if that stream has failed
    void waitFor(Timepoint timepoint);

    /// Waits until everything submitted has finished.
    ///
    /// @throws dev.halcyon.hal.error.DeviceExecutionException if any of it failed or met a bad
    ///   index
    void synchronize();

    /// Waits for the work in flight and gives the stream up; closing twice has no effect.
    @Override
    void close();
}
