package dev.halcyon.backend.ascend.acl;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.stream.Collectors;

/// A C function type, written as one letter a value: `p` pointer, `l` 64-bit integer, `i` 32-bit
/// integer, `s` 16-bit integer, `b` 8-bit integer, `z` bool, `d` double, `f` float, `v` no result;
/// the result comes first.
///
/// Many functions share a type, so a handle belongs to a type and takes the function's address as
/// its first argument. Absent functions then cost nothing, and two versions of CANN may be loaded
/// side by side.
final class Signature {
    private static final ConcurrentSkipListMap<String, MethodHandle> HANDLES =
            new ConcurrentSkipListMap<>();

    private Signature() {}

    /// {@return the handle of a function type}
    static MethodHandle handle(String letters) {
        return HANDLES.computeIfAbsent(
                letters, type -> Linker.nativeLinker().downcallHandle(descriptor(type)));
    }

    /// {@return the function types that have been asked for so far}
    static Set<String> used() {
        return HANDLES.keySet();
    }

    /// {@return the type for the foreign linker}
    static FunctionDescriptor descriptor(String letters) {
        MemoryLayout[] parameters =
                letters.substring(1)
                        .chars()
                        .mapToObj(letter -> layout((char) letter))
                        .toArray(MemoryLayout[]::new);
        return letters.charAt(0) == 'v'
                ? FunctionDescriptor.ofVoid(parameters)
                : FunctionDescriptor.of(layout(letters.charAt(0)), parameters);
    }

    private static ValueLayout layout(char letter) {
        return switch (letter) {
            case 'p' -> ValueLayout.ADDRESS;
            case 'l' -> ValueLayout.JAVA_LONG;
            case 'i' -> ValueLayout.JAVA_INT;
            case 's' -> ValueLayout.JAVA_SHORT;
            case 'b' -> ValueLayout.JAVA_BYTE;
            case 'z' -> ValueLayout.JAVA_BOOLEAN;
            case 'd' -> ValueLayout.JAVA_DOUBLE;
            case 'f' -> ValueLayout.JAVA_FLOAT;
            default -> throw new IllegalArgumentException("no C type is written " + letter);
        };
    }

    /// {@return the type as GraalVM's reachability metadata names it}
    static String metadata(String letters) {
        return "{\"returnType\": \""
                + name(letters.charAt(0))
                + "\", \"parameterTypes\": ["
                + letters.substring(1)
                        .chars()
                        .mapToObj(letter -> "\"" + name((char) letter) + "\"")
                        .collect(Collectors.joining(", "))
                + "]}";
    }

    private static String name(char letter) {
        return switch (letter) {
            case 'v' -> "void";
            case 'p' -> "void*";
            case 'l' -> "jlong";
            case 'i' -> "jint";
            case 's' -> "jshort";
            case 'b' -> "jbyte";
            case 'z' -> "jboolean";
            case 'd' -> "jdouble";
            case 'f' -> "jfloat";
            default -> throw new IllegalArgumentException("no C type is written " + letter);
        };
    }

    /// {@return the types of a list, without repetition}
    static List<String> distinct(List<String> letters) {
        return letters.stream().distinct().sorted().toList();
    }
}
