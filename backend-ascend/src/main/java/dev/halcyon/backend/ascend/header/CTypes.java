package dev.halcyon.backend.ascend.header;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// How values of a type name travel through a call.
///
/// @param letters the letter of [CFunction] for each name
record CTypes(Map<String, Character> letters) {
    /// The types that C itself has.
    static final CTypes BASIC =
            new CTypes(
                    Map.ofEntries(
                            Map.entry("void", 'v'),
                            Map.entry("bool", 'z'),
                            Map.entry("_Bool", 'z'),
                            Map.entry("char", 'b'),
                            Map.entry("int8_t", 'b'),
                            Map.entry("uint8_t", 'b'),
                            Map.entry("int16_t", 's'),
                            Map.entry("uint16_t", 's'),
                            Map.entry("int", 'i'),
                            Map.entry("int32_t", 'i'),
                            Map.entry("uint32_t", 'i'),
                            Map.entry("int64_t", 'l'),
                            Map.entry("uint64_t", 'l'),
                            Map.entry("size_t", 'l'),
                            Map.entry("float", 'f'),
                            Map.entry("double", 'd')));

    CTypes {
        letters = Map.copyOf(letters);
    }

    /// {@return these and others}
    CTypes with(Map<String, Character> more) {
        Map<String, Character> all = new HashMap<>(letters);
        all.putAll(more);
        return new CTypes(all);
    }

    /// {@return the letter of a declaration, with or without the name of what is declared}
    char letter(String declaration) {
        if (declaration.contains("*") || declaration.contains("[")) {
            return 'p';
        }
        if (declaration.contains("...")) {
            return '.';
        }
        return List.of(declaration.strip().split("\\s+")).stream()
                .map(letters::get)
                .filter(letter -> letter != null)
                .findFirst()
                .orElse('?');
    }
}
