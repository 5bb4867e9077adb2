package dev.halcyon.backend.ascend;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;

/// Where the libraries of one CANN installation are.
///
/// Older versions have the runtime in `libascendcl.so` and all operators in `libopapi.so`; newer
/// ones have `libacl_rt.so` and operators in one library a group. The two must not be mixed in a
/// process, so the newer layout is taken alone where it exists.
///
/// @param root the installation
/// @param runtime the runtime library
/// @param base the library of tensors and executors
/// @param operators the libraries of operators
record CannInstallation(Path root, Path runtime, Path base, List<Path> operators) {
    /// The library by which the emulator's roots are known.
    private static final String EMULATOR = "libhalcyon_ascend_emulator.so";

    private static final List<String> SPLIT_OPERATORS =
            List.of("libopapi_math.so", "libopapi_nn.so", "libopapi_transformer.so");

    CannInstallation {
        operators = List.copyOf(operators);
    }

    /// What came of looking through a root: the installation, or the names of what it lacks.
    sealed interface Search {
        /// Everything is there.
        record Found(CannInstallation installation) implements Search {}

        /// Something is not.
        record Incomplete(List<Path> missing) implements Search {}
    }

    /// {@return what a root holds}
    static Search search(Path root, Predicate<Path> exists) {
        Path libraries = root.resolve("lib64");
        List<Path> missing = new ArrayList<>();
        Path runtime = libraries.resolve("libacl_rt.so");
        if (!exists.test(runtime)) {
            runtime = libraries.resolve("libascendcl.so");
            need(runtime, exists, missing);
        }
        Path base = libraries.resolve("libnnopbase.so");
        need(base, exists, missing);
        List<Path> operators = new ArrayList<>();
        if (exists.test(libraries.resolve(SPLIT_OPERATORS.getFirst()))) {
            SPLIT_OPERATORS.forEach(name -> operators.add(libraries.resolve(name)));
        } else {
            operators.add(libraries.resolve("libopapi.so"));
        }
        operators.forEach(library -> need(library, exists, missing));
        return missing.isEmpty()
                ? new Search.Found(new CannInstallation(root, runtime, base, operators))
                : new Search.Incomplete(List.copyOf(missing));
    }

    private static void need(Path library, Predicate<Path> exists, List<Path> missing) {
        if (!exists.test(library)) {
            missing.add(library);
        }
    }

    /// {@return whether the root is one of the emulator's, which needs neither driver nor kernels}
    static boolean isEmulator(Path root, Predicate<Path> exists) {
        return exists.test(root.resolve("lib64").resolve(EMULATOR));
    }

    /// {@return which of the two layouts this is, for reports}
    String layout() {
        return operators.size() > 1 ? "libopapi_*" : "libopapi";
    }
}
