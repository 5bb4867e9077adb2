package dev.halcyon.backend.cuda.blas;

import dev.halcyon.backend.cuda.driver.DynamicLibrary;
import dev.halcyon.backend.cuda.driver.FfmDriver;

import org.jspecify.annotations.Nullable;

import java.util.List;

/// What came of looking for cuBLASLt.
///
/// @param library the library; null if there is none to use
/// @param reason why not, empty if there is one
public record BlasLtSearch(@Nullable DynamicLibrary library, String reason) {
    private static final String FOLDER = "/usr/local/cuda/lib64/";
    private static final List<String> OF_CUDA_12 =
            List.of("libcublasLt.so.12", FOLDER + "libcublasLt.so.12");
    private static final List<String> OF_CUDA_13 =
            List.of(
                    "libcublasLt.so.13",
                    FOLDER + "libcublasLt.so.13",
                    "libcublasLt.so.12",
                    FOLDER + "libcublasLt.so.12");

    /// {@return the library that was named, or the latest of the usual ones that the driver can
    /// serve}
    ///
    /// @param wanted `auto`, `off`, or a file or name
    /// @param cudaMajor major part of the CUDA version that the driver supports; a later library
    ///   does not run on it
    /// @param emulated whether a stub stands in for the driver, on which only its own library runs
    public static BlasLtSearch find(String wanted, int cudaMajor, boolean emulated) {
        if (wanted.equals("off")) {
            return new BlasLtSearch(null, "switched off with -Dhalcyon.cuda.cublaslt=off");
        }
        boolean named = !wanted.equals("auto");
        if (emulated && !named) {
            return new BlasLtSearch(null, "an emulated device takes it only where it is named");
        }
        String first = "";
        for (String name : named ? List.of(wanted) : cudaMajor >= 13 ? OF_CUDA_13 : OF_CUDA_12) {
            DynamicLibrary.Opened opened = DynamicLibrary.open(name);
            if (opened.library().isEmpty()) {
                first = first.isEmpty() ? opened.message() : first;
            } else if (isOfTheStub(opened.library().get()) != emulated) {
                return new BlasLtSearch(null, name + " and the driver are not both the stub's");
            } else {
                return new BlasLtSearch(opened.library().get(), "");
            }
        }
        return new BlasLtSearch(null, first);
    }

    /// The stub's library brings the stub along, where the loader looks for symbols too.
    private static boolean isOfTheStub(DynamicLibrary library) {
        return library.find(FfmDriver.STUB_MARK).isPresent();
    }
}
