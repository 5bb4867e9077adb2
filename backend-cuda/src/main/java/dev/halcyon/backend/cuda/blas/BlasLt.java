package dev.halcyon.backend.cuda.blas;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.halcyon.backend.cuda.driver.CudaDriverException;
import dev.halcyon.backend.cuda.driver.Downcalls;
import dev.halcyon.backend.cuda.driver.DynamicLibrary;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.Optional;

/// The functions of cuBLASLt that the backend calls, with a handle for one device.
///
/// Source: cuBLAS manual, "Using the cuBLASLt API"; numbers of attributes as in its headers, which
/// are the same in versions 12 and 13.
///
/// *Threads.* Usable from any thread on which the device's context is current.
public final class BlasLt {
    private static final int COMPUTE_F32 = 68;
    private static final int TYPE_F32 = 0;
    private static final int TRANSPOSE_A = 3;
    private static final int TRANSPOSE_B = 4;
    private static final int BATCH_COUNT = 5;
    private static final int BATCH_STRIDE = 6;
    private static final int MOST_WORKSPACE = 1;
    private static final int ALIGNMENT_OF_A = 5;
    private static final int SIDES = 4;
    private static final int MOST_ALIGNMENT = 256;

    /// `cublasLtMatmulHeuristicResult_t`: the algorithm, then the workspace it wants at 64.
    private static final long HEURISTIC_BYTES = 96;

    private static final long WORKSPACE_AT = 64;
    private static final int NOT_SUPPORTED = 15;
    private static final long LONGEST_TEXT = 256;

    private final DynamicLibrary library;
    private final MethodHandle getStatusString;
    private final MethodHandle descCreate;
    private final MethodHandle descSet;
    private final MethodHandle descDestroy;
    private final MethodHandle layoutCreate;
    private final MethodHandle layoutSet;
    private final MethodHandle layoutDestroy;
    private final MethodHandle preferenceCreate;
    private final MethodHandle preferenceSet;
    private final MethodHandle preferenceDestroy;
    private final MethodHandle heuristic;
    private final MethodHandle matmul;
    private final MethodHandle destroy;
    private final long handle;
    private final long version;

    /// Binds the functions and makes a handle for the device whose context is current.
    ///
    /// @throws IllegalStateException naming the function that the library lacks
    /// @throws CudaDriverException if the library cannot serve the device
    public BlasLt(DynamicLibrary library) {
        this.library = library;
        MethodHandle create = bind("cublasLtCreate", ADDRESS);
        destroy = bind("cublasLtDestroy", JAVA_LONG);
        getStatusString =
                Downcalls.bind(
                        address("cublasLtGetStatusString"),
                        FunctionDescriptor.of(ADDRESS, JAVA_INT));
        descCreate = bind("cublasLtMatmulDescCreate", ADDRESS, JAVA_INT, JAVA_INT);
        descSet = bind("cublasLtMatmulDescSetAttribute", JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG);
        descDestroy = bind("cublasLtMatmulDescDestroy", JAVA_LONG);
        layoutCreate =
                bind(
                        "cublasLtMatrixLayoutCreate",
                        ADDRESS,
                        JAVA_INT,
                        JAVA_LONG,
                        JAVA_LONG,
                        JAVA_LONG);
        layoutSet =
                bind("cublasLtMatrixLayoutSetAttribute", JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG);
        layoutDestroy = bind("cublasLtMatrixLayoutDestroy", JAVA_LONG);
        preferenceCreate = bind("cublasLtMatmulPreferenceCreate", ADDRESS);
        preferenceSet =
                bind(
                        "cublasLtMatmulPreferenceSetAttribute",
                        JAVA_LONG,
                        JAVA_INT,
                        ADDRESS,
                        JAVA_LONG);
        preferenceDestroy = bind("cublasLtMatmulPreferenceDestroy", JAVA_LONG);
        heuristic =
                bind(
                        "cublasLtMatmulAlgoGetHeuristic",
                        JAVA_LONG,
                        JAVA_LONG,
                        JAVA_LONG,
                        JAVA_LONG,
                        JAVA_LONG,
                        JAVA_LONG,
                        JAVA_LONG,
                        JAVA_INT,
                        ADDRESS,
                        ADDRESS);
        matmul =
                bind(
                        "cublasLtMatmul",
                        JAVA_LONG,
                        JAVA_LONG,
                        ADDRESS,
                        JAVA_LONG,
                        JAVA_LONG,
                        JAVA_LONG,
                        JAVA_LONG,
                        ADDRESS,
                        JAVA_LONG,
                        JAVA_LONG,
                        JAVA_LONG,
                        JAVA_LONG,
                        ADDRESS,
                        JAVA_LONG,
                        JAVA_LONG,
                        JAVA_LONG);
        version = readVersion();
        handle = make("cublasLtCreate", answer -> (int) create.invokeExact(answer));
    }

    @FunctionalInterface
    private interface Call {
        int invoke() throws Throwable;
    }

    @FunctionalInterface
    private interface CallInto {
        int invoke(MemorySegment answer) throws Throwable;
    }

    private MemorySegment address(String symbol) {
        return library.find(symbol)
                .orElseThrow(
                        () ->
                                new IllegalStateException(
                                        library.path() + " has no function " + symbol));
    }

    private MethodHandle bind(String symbol, MemoryLayout... parameters) {
        return Downcalls.bind(address(symbol), FunctionDescriptor.of(JAVA_INT, parameters));
    }

    private long readVersion() {
        try {
            return (long)
                    Downcalls.bind(address("cublasLtGetVersion"), FunctionDescriptor.of(JAVA_LONG))
                            .invokeExact();
        } catch (Throwable failure) {
            throw new AssertionError(failure);
        }
    }

    private static int invoke(Call call) {
        try {
            return call.invoke();
        } catch (Throwable failure) {
            throw new AssertionError(failure);
        }
    }

    private void run(String function, Call call) {
        int status = invoke(call);
        if (status != 0) {
            throw failure(function, status);
        }
    }

    private long make(String function, CallInto call) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment answer = arena.allocate(JAVA_LONG);
            run(function, () -> call.invoke(answer));
            return answer.get(JAVA_LONG, 0);
        }
    }

    private CudaDriverException failure(String function, int status) {
        String name;
        try {
            MemorySegment text = (MemorySegment) getStatusString.invokeExact(status);
            name = text.address() == 0 ? "" : text.reinterpret(LONGEST_TEXT).getString(0);
        } catch (Throwable failure) {
            throw new AssertionError(failure);
        }
        return CudaDriverException.ofLibrary(function, status, name);
    }

    /// {@return the library's file and version, for reports}
    public String name() {
        return library.path() + " " + version;
    }

    /// Gives the handle back; no product may be submitted any more.
    public void close() {
        run("cublasLtDestroy", () -> (int) destroy.invokeExact(handle));
    }

    /// {@return the product, prepared by the algorithm that the library thinks fastest; empty if it
    /// has none for these types and strides}
    ///
    /// @param workspaceBytes the most that an algorithm may ask for
    public Optional<BlasLtProduct> prepare(ProductShape shape, long workspaceBytes) {
        // As long as somebody can reach the product: the library keeps no reference to any of it.
        Arena arena = Arena.ofAuto();
        MemorySegment found = arena.allocate(HEURISTIC_BYTES, 8);
        long how = description(shape, arena);
        long a = layout(shape.a(), shape.batch(), arena);
        long b = layout(shape.b(), shape.batch(), arena);
        long c = layout(shape.c(), shape.batch(), arena);
        if (!choose(shape, how, a, b, c, workspaceBytes, found)) {
            return Optional.empty();
        }
        MemorySegment factors =
                arena.allocateFrom(
                        java.lang.foreign.ValueLayout.JAVA_FLOAT, shape.alpha(), shape.beta());
        return Optional.of(
                new BlasLtProduct(
                        this,
                        shape,
                        how,
                        a,
                        b,
                        c,
                        found,
                        factors.asSlice(0, 4),
                        factors.asSlice(4, 4),
                        found.get(JAVA_LONG, WORKSPACE_AT)));
    }

    private long description(ProductShape shape, Arena arena) {
        long how =
                make(
                        "cublasLtMatmulDescCreate",
                        answer -> (int) descCreate.invokeExact(answer, COMPUTE_F32, TYPE_F32));
        destroyedWith(arena, how, descDestroy);
        setTransposed(how, TRANSPOSE_A, shape.a().transposed());
        setTransposed(how, TRANSPOSE_B, shape.b().transposed());
        return how;
    }

    private void setTransposed(long how, int attribute, boolean transposed) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment value = arena.allocateFrom(JAVA_INT, transposed ? 1 : 0);
            run(
                    "cublasLtMatmulDescSetAttribute",
                    () -> (int) descSet.invokeExact(how, attribute, value, 4L));
        }
    }

    private long layout(ProductShape.Side side, int batch, Arena arena) {
        long layout =
                make(
                        "cublasLtMatrixLayoutCreate",
                        answer ->
                                (int)
                                        layoutCreate.invokeExact(
                                                answer,
                                                side.type(),
                                                side.rows(),
                                                side.columns(),
                                                side.leading()));
        destroyedWith(arena, layout, layoutDestroy);
        if (batch > 1) {
            try (Arena scratch = Arena.ofConfined()) {
                MemorySegment count = scratch.allocateFrom(JAVA_INT, batch);
                MemorySegment stride = scratch.allocateFrom(JAVA_LONG, side.batchStride());
                run(
                        "cublasLtMatrixLayoutSetAttribute",
                        () -> (int) layoutSet.invokeExact(layout, BATCH_COUNT, count, 4L));
                run(
                        "cublasLtMatrixLayoutSetAttribute",
                        () -> (int) layoutSet.invokeExact(layout, BATCH_STRIDE, stride, 8L));
            }
        }
        return layout;
    }

    /// The library's objects are host memory and nothing else, so any thread may give them back.
    private static void destroyedWith(Arena arena, long object, MethodHandle destroy) {
        MemorySegment.ofAddress(object)
                .reinterpret(
                        arena,
                        segment -> {
                            int ignored =
                                    invoke(() -> (int) destroy.invokeExact(segment.address()));
                        });
    }

    private boolean choose(
            ProductShape shape,
            long how,
            long a,
            long b,
            long c,
            long workspaceBytes,
            MemorySegment found) {
        long preference =
                make(
                        "cublasLtMatmulPreferenceCreate",
                        answer -> (int) preferenceCreate.invokeExact(answer));
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment most = arena.allocateFrom(JAVA_LONG, workspaceBytes);
            run(
                    "cublasLtMatmulPreferenceSetAttribute",
                    () -> (int) preferenceSet.invokeExact(preference, MOST_WORKSPACE, most, 8L));
            long[] addresses = {
                shape.a().address(), shape.b().address(), shape.c().address(), shape.c().address()
            };
            for (int side = 0; side < SIDES; side++) {
                int attribute = ALIGNMENT_OF_A + side;
                MemorySegment bytes = arena.allocateFrom(JAVA_INT, alignment(addresses[side]));
                run(
                        "cublasLtMatmulPreferenceSetAttribute",
                        () -> (int) preferenceSet.invokeExact(preference, attribute, bytes, 4L));
            }
            MemorySegment count = arena.allocate(JAVA_INT);
            int status =
                    invoke(
                            () ->
                                    (int)
                                            heuristic.invokeExact(
                                                    handle,
                                                    how,
                                                    a,
                                                    b,
                                                    c,
                                                    c,
                                                    preference,
                                                    1,
                                                    found,
                                                    count));
            if (status != 0 && status != NOT_SUPPORTED) {
                throw failure("cublasLtMatmulAlgoGetHeuristic", status);
            }
            return status == 0 && count.get(JAVA_INT, 0) > 0;
        } finally {
            run(
                    "cublasLtMatmulPreferenceDestroy",
                    () -> (int) preferenceDestroy.invokeExact(preference));
        }
    }

    private static int alignment(long address) {
        return (int) Math.min(MOST_ALIGNMENT, Long.lowestOneBit(address | MOST_ALIGNMENT));
    }

    /// Submits a product; called per step and allocates nothing.
    void submit(BlasLtProduct product, long workspace, long stream) {
        ProductShape shape = product.shape();
        int status;
        try {
            status =
                    (int)
                            matmul.invokeExact(
                                    handle,
                                    product.how(),
                                    product.alpha(),
                                    shape.a().address(),
                                    product.a(),
                                    shape.b().address(),
                                    product.b(),
                                    product.beta(),
                                    shape.c().address(),
                                    product.c(),
                                    shape.c().address(),
                                    product.c(),
                                    product.algorithm(),
                                    workspace,
                                    product.workspaceBytes(),
                                    stream);
        } catch (Throwable failure) {
            throw new AssertionError(failure);
        }
        if (status != 0) {
            throw failure("cublasLtMatmul", status);
        }
    }
}
