package dev.halcyon.backend.cuda;

import dev.halcyon.backend.cuda.blas.BlasLt;
import dev.halcyon.backend.cuda.blas.BlasLtProduct;
import dev.halcyon.backend.cuda.blas.BlasLtSearch;
import dev.halcyon.backend.cuda.blas.ProductPlanner;
import dev.halcyon.backend.cuda.blas.ProductShape;
import dev.halcyon.backend.cuda.driver.CudaDriverException;
import dev.halcyon.backend.cuda.driver.DeviceAttribute;

import org.jspecify.annotations.Nullable;

import java.util.Optional;

/// cuBLASLt on one device, if the machine has it.
///
/// @param context the device's context, current whenever the library is called
/// @param library the library; null if there is none
/// @param whyNot why there is none, empty if there is one
/// @param workspaceBytes what its manual recommends for the device
record DeviceBlas(CudaContext context, @Nullable BlasLt library, String whyNot, long workspaceBytes)
        implements ProductPlanner {
    private static final int HOPPER = 9;
    private static final long HOPPER_WORKSPACE = 32L << 20;
    private static final long WORKSPACE = 4L << 20;

    /// {@return the library where there is one to use}
    ///
    /// @param wanted the setting `halcyon.cuda.cublaslt`
    /// @param cudaMajor major part of the CUDA version that the driver supports
    static DeviceBlas open(CudaContext context, String wanted, int cudaMajor, int ordinal) {
        boolean emulated = context.ask("look for cuBLASLt", driver -> driver.isEmulated());
        BlasLtSearch search = BlasLtSearch.find(wanted, cudaMajor, emulated);
        if (search.library() == null) {
            return new DeviceBlas(context, null, search.reason(), 0);
        }
        try {
            BlasLt library = new BlasLt(search.library());
            int major =
                    context.ask(
                            "look for cuBLASLt",
                            driver -> driver.attribute(DeviceAttribute.COMPUTE_MAJOR, ordinal));
            return new DeviceBlas(
                    context, library, "", major >= HOPPER ? HOPPER_WORKSPACE : WORKSPACE);
        } catch (IllegalStateException | CudaDriverException unusable) {
            return new DeviceBlas(context, null, String.valueOf(unusable.getMessage()), 0);
        }
    }

    /// {@return these, if there is a library}
    Optional<ProductPlanner> planner() {
        return library == null ? Optional.empty() : Optional.of(this);
    }

    private BlasLt loaded() {
        if (library == null) {
            throw new IllegalStateException("there is no cuBLASLt: " + whyNot);
        }
        return library;
    }

    @Override
    public String name() {
        return library == null ? "none (" + whyNot + ")" : library.name();
    }

    @Override
    public Optional<BlasLtProduct> prepare(ProductShape shape, long workspaceBytes) {
        return context.ask(
                "prepare a product by cuBLASLt", driver -> loaded().prepare(shape, workspaceBytes));
    }

    void close() {
        if (library != null) {
            context.release(driver -> library.close());
        }
    }
}
