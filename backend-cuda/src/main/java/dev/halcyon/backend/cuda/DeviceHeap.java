package dev.halcyon.backend.cuda;

import dev.halcyon.backend.cuda.driver.CudaDriver;
import dev.halcyon.backend.cuda.driver.DeviceAttribute;

/// Where device memory comes from: a pool of the driver where the device has pools, so that freeing
/// waits for nobody, else the driver's plain allocator, whose freeing waits for the whole device.
///
/// The pool is the backend's own, since whoever else uses the device in this process may set the
/// default one. Allocations and frees are work of a stream of their own; memory is handed out when
/// that stream has passed, and comes back here when no work uses it any more, so no other stream
/// needs to know of that one.
///
/// *Threads.* Usable from any thread.
final class DeviceHeap {
    private final CudaContext context;
    private final long pool;
    private final long stream;

    DeviceHeap(CudaContext context, int ordinal) {
        this.context = context;
        boolean hasPools =
                context.ask(
                        "ask for memory pools",
                        driver -> driver.attribute(DeviceAttribute.MEMORY_POOLS, ordinal) != 0);
        this.pool = hasPools ? context.ask("create pool", driver -> driver.createPool(ordinal)) : 0;
        this.stream = hasPools ? context.ask("create stream", CudaDriver::createStream) : 0;
    }

    /// {@return the address of that much device memory}
    long allocate(CudaDriver driver, long bytes) {
        if (pool == 0) {
            return driver.allocate(bytes);
        }
        long address = driver.allocateFrom(pool, bytes, stream);
        driver.synchronizeStream(stream);
        return address;
    }

    /// Takes memory back that no work uses.
    void free(CudaDriver driver, long address) {
        if (pool == 0) {
            driver.free(address);
        } else {
            driver.freeInOrder(address, stream);
        }
    }

    /// Gives what nobody uses back to the device.
    void trim() {
        if (pool != 0) {
            context.release(
                    driver -> {
                        driver.synchronizeStream(stream);
                        driver.trimPool(pool);
                    });
        }
    }

    /// Ends the pool; all of its memory has to be back.
    void close() {
        if (pool != 0) {
            context.release(
                    driver -> {
                        driver.synchronizeStream(stream);
                        driver.destroyStream(stream);
                        driver.destroyPool(pool);
                    });
        }
    }
}
