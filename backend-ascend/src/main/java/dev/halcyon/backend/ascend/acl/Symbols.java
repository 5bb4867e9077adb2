package dev.halcyon.backend.ascend.acl;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;

/// The functions of one or more opened libraries, looked up when first asked for and then kept.
///
/// Usable from any thread.
public final class Symbols {
    private final List<DynamicLibrary> libraries;
    private final Map<String, Optional<MemorySegment>> found = new ConcurrentHashMap<>();

    /// Makes the table of these libraries, the first that has a function wins.
    public Symbols(List<DynamicLibrary> libraries) {
        this.libraries = List.copyOf(libraries);
    }

    /// {@return whether one of the libraries has the function}
    public boolean has(String function) {
        return find(function).isPresent();
    }

    /// {@return the function's address}
    ///
    /// @throws AbsentFunctionException if none of the libraries has it
    public MemorySegment address(String function, Since since) {
        return find(function)
                .orElseThrow(() -> new AbsentFunctionException(function, toString(), since));
    }

    private Optional<MemorySegment> find(String function) {
        Optional<MemorySegment> known = found.get(function);
        return known != null ? known : found.computeIfAbsent(function, this::lookUp);
    }

    private Optional<MemorySegment> lookUp(String function) {
        return libraries.stream().flatMap(library -> library.find(function).stream()).findFirst();
    }

    /// {@return the paths of the libraries}
    @Override
    public String toString() {
        return libraries.stream().map(DynamicLibrary::path).collect(Collectors.joining(", "));
    }
}
