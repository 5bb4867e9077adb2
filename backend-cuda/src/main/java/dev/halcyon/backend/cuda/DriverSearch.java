package dev.halcyon.backend.cuda;

import dev.halcyon.backend.cuda.driver.DynamicLibrary;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.List;

/// What came of looking for the driver library.
///
/// @param library the first that could be opened; null if none could
/// @param messages what the loader said about each name that could not
record DriverSearch(@Nullable DynamicLibrary library, List<String> messages) {
    private static final List<String> NAMES =
            List.of(
                    "libcuda.so.1",
                    "/usr/local/nvidia/lib64/libcuda.so.1",
                    "/usr/lib/x86_64-linux-gnu/libcuda.so.1",
                    "/usr/lib/aarch64-linux-gnu/libcuda.so.1",
                    "/usr/lib/wsl/lib/libcuda.so.1");

    /// {@return the library that was named, or the first of the usual ones}
    static DriverSearch find(String named) {
        List<String> messages = new ArrayList<>();
        for (String name : named.isEmpty() ? NAMES : List.of(named)) {
            DynamicLibrary.Opened opened = DynamicLibrary.open(name);
            if (opened.library().isPresent()) {
                return new DriverSearch(opened.library().get(), messages);
            }
            messages.add(opened.message());
        }
        return new DriverSearch(null, messages);
    }
}
