package dev.halcyon.backend.ascend;

import dev.halcyon.backend.ascend.acl.AclRuntime;
import dev.halcyon.backend.ascend.acl.DynamicLibrary;
import dev.halcyon.backend.ascend.acl.OperatorLibrary;
import dev.halcyon.backend.ascend.acl.OperatorObjects;
import dev.halcyon.backend.ascend.acl.Symbols;
import dev.halcyon.hal.error.BackendUnavailableException;
import dev.halcyon.hal.error.Failure;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/// The libraries of one installation, opened; they stay open for the life of the process, as CANN
/// asks.
///
/// @param installation where they are
/// @param runtime the runtime
/// @param objects tensors and executors
/// @param operators the operators
record AscendLibraries(
        CannInstallation installation,
        AclRuntime runtime,
        OperatorObjects objects,
        OperatorLibrary operators) {
    private static final Map<Path, AscendLibraries> OPEN = new ConcurrentHashMap<>();

    /// {@return the libraries of an installation}
    ///
    /// @throws BackendUnavailableException with the loader's own words if one cannot be opened
    static AscendLibraries of(CannInstallation installation) {
        return OPEN.computeIfAbsent(installation.root(), root -> open(installation));
    }

    private static AscendLibraries open(CannInstallation installation) {
        Symbols runtime = new Symbols(List.of(library(installation.runtime())));
        Symbols base = new Symbols(List.of(library(installation.base())));
        List<DynamicLibrary> operators = new ArrayList<>();
        installation.operators().forEach(path -> operators.add(library(path)));
        return new AscendLibraries(
                installation,
                new AclRuntime(runtime),
                new OperatorObjects(base),
                new OperatorLibrary(new Symbols(operators)));
    }

    private static DynamicLibrary library(Path path) {
        DynamicLibrary.Opened opened = DynamicLibrary.open(path.toString());
        return opened.library()
                .orElseThrow(
                        () ->
                                new BackendUnavailableException(
                                        Failure.of(
                                                "ascend",
                                                "load " + path,
                                                "the loader says: " + opened.message(),
                                                AscendProbe.SET_ENVIRONMENT)));
    }
}
