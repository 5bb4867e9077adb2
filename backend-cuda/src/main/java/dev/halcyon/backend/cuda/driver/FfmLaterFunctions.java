package dev.halcyon.backend.cuda.driver;

import static dev.halcyon.backend.cuda.driver.DriverFunctions.INT;
import static dev.halcyon.backend.cuda.driver.DriverFunctions.LONG;
import static dev.halcyon.backend.cuda.driver.DriverFunctions.SEGMENT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/// What came into the driver after JCuda stopped following it, or throws there: pools of memory,
/// the update of graphs, tile descriptors.
///
/// Source: CUDA driver API manual.
final class FfmLaterFunctions {
    /// `CUmemPoolProps`: kind of allocation at 0, kind of place at 8, its number at 12; zero
    /// beyond.
    private static final long POOL_PROPERTIES_BYTES = 88;

    private static final int DEVICE_MEMORY = 1;
    private static final int ON_A_DEVICE = 1;
    private static final int RELEASE_THRESHOLD = 4;

    /// `CUgraphExecUpdateResultInfo`: a number and two handles.
    private static final long UPDATE_INFO_BYTES = 24;

    private static final int NO_INTERLEAVE = 0;
    private static final int L2_PROMOTION_128 = 2;
    private static final int ZEROS_OUT_OF_BOUNDS = 0;

    private final MethodHandle memPoolCreate;
    private final MethodHandle memPoolDestroy;
    private final MethodHandle memPoolSetAttribute;
    private final MethodHandle memPoolTrimTo;
    private final MethodHandle memAllocFromPoolAsync;
    private final MethodHandle memFreeAsync;
    private final MethodHandle graphExecUpdate;
    private final MethodHandle tensorMapEncodeTiled;

    /// @throws IllegalStateException naming the symbol that the library lacks
    FfmLaterFunctions(DriverFunctions functions) {
        memPoolCreate = functions.bind("cuMemPoolCreate", SEGMENT, SEGMENT);
        memPoolDestroy = functions.bind("cuMemPoolDestroy", LONG);
        memPoolSetAttribute = functions.bind("cuMemPoolSetAttribute", LONG, INT, SEGMENT);
        memPoolTrimTo = functions.bind("cuMemPoolTrimTo", LONG, LONG);
        memAllocFromPoolAsync =
                functions.bind("cuMemAllocFromPoolAsync", SEGMENT, LONG, LONG, LONG);
        memFreeAsync = functions.bind("cuMemFreeAsync", LONG, LONG);
        graphExecUpdate = functions.bind("cuGraphExecUpdate_v2", LONG, LONG, SEGMENT);
        tensorMapEncodeTiled =
                functions.bind(
                        "cuTensorMapEncodeTiled",
                        SEGMENT,
                        INT,
                        INT,
                        LONG,
                        SEGMENT,
                        SEGMENT,
                        SEGMENT,
                        SEGMENT,
                        INT,
                        INT,
                        INT,
                        INT);
    }

    /// {@return the code, the pool at 0 of `answer`}
    int createPool(MemorySegment answer, int device) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment properties = arena.allocate(POOL_PROPERTIES_BYTES, 8);
            properties.set(INT, 0, DEVICE_MEMORY);
            properties.set(INT, 8, ON_A_DEVICE);
            properties.set(INT, 12, device);
            return (int) memPoolCreate.invokeExact(answer, properties);
        } catch (Throwable failure) {
            throw new AssertionError(failure);
        }
    }

    /// Without this, whoever waits gives all free memory of the pool back, and the next allocation
    /// is slow.
    int keepEverything(long pool) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment most = arena.allocateFrom(LONG, -1L);
            return (int) memPoolSetAttribute.invokeExact(pool, RELEASE_THRESHOLD, most);
        } catch (Throwable failure) {
            throw new AssertionError(failure);
        }
    }

    int destroyPool(long pool) {
        try {
            return (int) memPoolDestroy.invokeExact(pool);
        } catch (Throwable failure) {
            throw new AssertionError(failure);
        }
    }

    int trimPool(long pool) {
        try {
            return (int) memPoolTrimTo.invokeExact(pool, 0L);
        } catch (Throwable failure) {
            throw new AssertionError(failure);
        }
    }

    int allocateFrom(MemorySegment answer, long pool, long bytes, long stream) {
        try {
            return (int) memAllocFromPoolAsync.invokeExact(answer, bytes, pool, stream);
        } catch (Throwable failure) {
            throw new AssertionError(failure);
        }
    }

    int freeInOrder(long address, long stream) {
        try {
            return (int) memFreeAsync.invokeExact(address, stream);
        } catch (Throwable failure) {
            throw new AssertionError(failure);
        }
    }

    int update(long executable, long graph) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment info = arena.allocate(UPDATE_INFO_BYTES, 8);
            return (int) graphExecUpdate.invokeExact(executable, graph, info);
        } catch (Throwable failure) {
            throw new AssertionError(failure);
        }
    }

    int encode(TensorMap map, MemorySegment to) {
        if (to.byteSize() < TensorMap.BYTES || to.address() % TensorMap.BYTES != 0) {
            throw new IllegalArgumentException(
                    "a tensor map needs 128 bytes aligned to 128, not " + to);
        }
        int rank = map.dims().length;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment steps = arena.allocate(ValueLayout.JAVA_INT, rank);
            for (int i = 0; i < rank; i++) {
                steps.setAtIndex(INT, i, 1);
            }
            MemorySegment dims = arena.allocateFrom(LONG, map.dims());
            // Never empty, so that there is an address to hand over.
            MemorySegment strides = arena.allocate(LONG, rank);
            MemorySegment.copy(map.strides(), 0, strides, LONG, 0, rank - 1);
            MemorySegment box = arena.allocateFrom(INT, map.box());
            return (int)
                    tensorMapEncodeTiled.invokeExact(
                            to,
                            map.element().number(),
                            rank,
                            map.address(),
                            dims,
                            strides,
                            box,
                            steps,
                            NO_INTERLEAVE,
                            map.swizzle().number(),
                            L2_PROMOTION_128,
                            ZEROS_OUT_OF_BOUNDS);
        } catch (Throwable failure) {
            throw new AssertionError(failure);
        }
    }
}
