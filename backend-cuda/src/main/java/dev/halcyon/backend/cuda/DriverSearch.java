package dev.halcyon.backend.cuda;

import dev.halcyon.backend.cuda.driver.DynamicLibrary;

import org.jspecify.annotations.Nullable;

import java.util.List;

/// What came of looking for the driver library.
///
/// @param library the first that could be opened; null if none could
/// @param obstacle what is in the way of the others: the loader's words about a library that is
///   there and cannot be opened, else about the first name; empty if all is well
/// @param isThere whether a library is there that cannot be opened
record DriverSearch(@Nullable DynamicLibrary library, String obstacle, boolean isThere) {
    private static final List<String> NAMES =
            List.of(
                    "libcuda.so.1",
                    "/usr/local/nvidia/lib64/libcuda.so.1",
                    "/usr/lib/x86_64-linux-gnu/libcuda.so.1",
                    "/usr/lib/aarch64-linux-gnu/libcuda.so.1",
                    "/usr/lib/wsl/lib/libcuda.so.1");

    private static final String ABSENT = ": cannot open shared object file: No such file";

    /// {@return the library that was named, or the first of the usual ones}
    static DriverSearch find(String named) {
        String absent = "";
        String broken = "";
        for (String name : named.isEmpty() ? NAMES : List.of(named)) {
            DynamicLibrary.Opened opened = DynamicLibrary.open(name);
            if (opened.library().isPresent()) {
                return new DriverSearch(opened.library().get(), "", false);
            }
            // A library that lacks another one gets the same words, with the other's name.
            if (opened.message().startsWith(name + ABSENT)) {
                absent = absent.isEmpty() ? opened.message() : absent;
            } else {
                broken = broken.isEmpty() ? opened.message() : broken;
            }
        }
        return new DriverSearch(null, broken.isEmpty() ? absent : broken, !broken.isEmpty());
    }
}
