package dev.halcyon.backend.cuda.driver;

import java.lang.foreign.MemorySegment;

/// The functions of the CUDA driver that the backend calls, with handles and device addresses as
/// plain numbers.
///
/// Every method throws [CudaDriverException] for a return code other than 0. The methods from
/// [#record] on are called per step and allocate nothing.
///
/// *Threads.* Usable from any thread on which [#setCurrent] was called; see the CUDA driver API
/// manual for what each function may do at the same time as others.
public interface CudaDriver {
    /// {@return which bindings these are, for reports: `jcuda` or `ffm`}
    String bindings();

    /// {@return whether a stub without a GPU answers}
    boolean isEmulated();

    /// Calls `cuInit`.
    void init();

    /// {@return the context that all users of the device share in this process, retained once more}
    long retainPrimaryContext(int device);

    /// Gives back what [#retainPrimaryContext] took.
    void releasePrimaryContext(int device);

    /// Makes a context that of the calling thread.
    void setCurrent(long context);

    /// {@return an attribute of a device}
    int attribute(DeviceAttribute attribute, int device);

    /// {@return device memory, aligned to 256 bytes at least}
    long allocate(long bytes);

    /// Frees device memory; waits for the work that may use it.
    void free(long address);

    /// {@return a pool of device memory that keeps what is given back to it until it is trimmed}
    long createPool(int device);

    /// Gives a pool back, which nothing may have memory of.
    void destroyPool(long pool);

    /// Gives what a pool keeps and nobody uses back to the device.
    void trimPool(long pool);

    /// {@return memory of a pool, aligned to 256 bytes at least; it may be used by work that comes
    /// after this call in the order of the stream}
    long allocateFrom(long pool, long bytes, long stream);

    /// Gives memory back to its pool, in the order of the stream and without waiting.
    void freeInOrder(long address, long stream);

    /// {@return host memory that the device reaches under the same address}
    long allocatePinned(long bytes);

    /// Frees pinned host memory.
    void freePinned(long address);

    /// {@return a stream that does not wait for the legacy stream}
    long createStream();

    /// Destroys a stream.
    void destroyStream(long stream);

    /// {@return an event without times}
    long createEvent();

    /// Destroys an event.
    void destroyEvent(long event);

    /// {@return a module of a fatbin, or of PTX that ends with a zero byte; if it fails, the text
    /// of the exception has the words of the driver's compiler}
    long loadModule(MemorySegment image);

    /// Unloads a module.
    void unloadModule(long module);

    /// {@return a kernel of a module}
    long function(long module, String name);

    /// Lets a kernel use more than 48 KiB of shared memory.
    void allowSharedBytes(long function, int bytes);

    /// Begins to collect what this thread submits to a stream instead of running it.
    void beginCapture(long stream);

    /// {@return the graph of what was collected}
    long endCapture(long stream);

    /// {@return what can be launched of a graph}
    long instantiate(long graph);

    /// Lets an executable graph do what another graph does, if only parameters differ; cheaper than
    /// instantiating that one, and launches already submitted keep theirs.
    ///
    /// @return whether it could; if not, it does what it did before
    boolean update(long executable, long graph);

    /// Destroys a graph; what was instantiated of it stays.
    void destroyGraph(long graph);

    /// Destroys what [#instantiate] made.
    void destroyExecutable(long executable);

    /// Writes the descriptor by which kernels copy tiles of a matrix asynchronously.
    ///
    /// @param to 128 bytes, aligned to 128
    void encode(TensorMap map, MemorySegment to);

    /// Marks the present end of a stream.
    void record(long event, long stream);

    /// {@return whether the stream has passed the mark}
    boolean hasPassed(long event);

    /// Waits until the stream has passed the mark.
    void synchronizeEvent(long event);

    /// Lets a stream wait for a mark.
    void waitFor(long stream, long event);

    /// Waits for all work of a stream.
    void synchronizeStream(long stream);

    /// Copies between any two of device memory and pinned host memory.
    void copy(long to, long from, long bytes, long stream);

    /// Sets device memory to one byte.
    void fillBytes(long address, byte value, long bytes, long stream);

    /// Launches a kernel with blocks of one dimension.
    ///
    /// @param parameters an array of one address, that of the parameter block
    void launch(
            long function,
            int gridX,
            int gridY,
            int block,
            int sharedBytes,
            long stream,
            MemorySegment parameters);

    /// Launches an executable graph.
    void launchGraph(long executable, long stream);
}
