package dev.halcyon.backend.ascend.header;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitOption;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/// What a folder of C headers declares: functions that begin with `acl`, enumerators, and
/// constants.
///
/// This is no C parser. It knows the few forms in which such headers are written; whatever else
/// they hold is passed over.
///
/// @param functions by name
/// @param enumerators values by name, by the name of the enumeration
/// @param constants `#define` and `static const` numbers by name
public record HeaderFiles(
        Map<String, CFunction> functions,
        Map<String, Map<String, Long>> enumerators,
        Map<String, Long> constants) {
    private static final int MOST_FOLDERS_DEEP = 6;
    private static final Pattern COMMENT = Pattern.compile("/\\*.*?\\*/|//[^\\n]*", Pattern.DOTALL);
    private static final Pattern DEFINE =
            Pattern.compile("(?m)^\\s*#\\s*define\\s+(\\w+)\\s+\\(?(-?\\w+)\\)?\\s*$");
    private static final Pattern DIRECTIVE = Pattern.compile("(?m)^\\s*#.*$");
    private static final Pattern CONSTANT =
            Pattern.compile("static\\s+const\\s+\\w+\\s+(\\w+)\\s*=\\s*(-?\\w+)\\s*;");
    private static final Pattern ENUMERATION =
            Pattern.compile("enum\\s*(\\w*)\\s*(?::\\s*\\w+\\s*)?\\{([^}]*)\\}\\s*(\\w*)\\s*;");
    private static final Pattern ALIAS =
            Pattern.compile("typedef\\s+([\\w\\s]+?[\\s*]+)(\\w+)\\s*;");
    private static final Pattern PROTOTYPE =
            Pattern.compile("([A-Za-z_][\\w\\s*]*?\\bacl\\w+\\s*\\([^()]*\\))\\s*;");

    public HeaderFiles {
        functions = Map.copyOf(functions);
        enumerators = Map.copyOf(enumerators);
        constants = Map.copyOf(constants);
    }

    /// {@return what the `.h` files under a folder declare}
    ///
    /// @throws UncheckedIOException if they cannot be read
    public static HeaderFiles under(Path folder) {
        try (Stream<Path> files =
                Files.walk(folder, MOST_FOLDERS_DEEP, FileVisitOption.FOLLOW_LINKS)) {
            StringBuilder text = new StringBuilder();
            for (Path file : (Iterable<Path>) files.filter(HeaderFiles::isHeader)::iterator) {
                text.append(Files.readString(file, StandardCharsets.ISO_8859_1)).append('\n');
            }
            return of(text.toString());
        } catch (IOException unreadable) {
            throw new UncheckedIOException("cannot read the headers in " + folder, unreadable);
        }
    }

    private static boolean isHeader(Path file) {
        return file.toString().endsWith(".h") && Files.isRegularFile(file);
    }

    static HeaderFiles of(String text) {
        String code = COMMENT.matcher(text.replace("\\\n", " ")).replaceAll(" ");
        Map<String, Long> constants = new HashMap<>();
        for (Pattern form : List.of(DEFINE, CONSTANT)) {
            Matcher found = form.matcher(code);
            while (found.find()) {
                number(found.group(2)).ifPresent(value -> constants.put(found.group(1), value));
            }
        }
        code = DIRECTIVE.matcher(code).replaceAll(" ");
        Map<String, Character> types = new HashMap<>();
        Map<String, Map<String, Long>> enumerators = new TreeMap<>();
        Matcher enumeration = ENUMERATION.matcher(code);
        while (enumeration.find()) {
            Map<String, Long> values = enumerators(enumeration.group(2), constants);
            for (int group : new int[] {1, 3}) {
                if (!enumeration.group(group).isEmpty()) {
                    enumerators.put(enumeration.group(group), values);
                    types.put(enumeration.group(group), 'i');
                }
            }
        }
        Matcher alias = ALIAS.matcher(code);
        while (alias.find()) {
            char letter = CTypes.BASIC.with(types).letter(alias.group(1));
            if (letter != '?') {
                types.putIfAbsent(alias.group(2), letter);
            }
        }
        CTypes known = CTypes.BASIC.with(types);
        Map<String, CFunction> functions = new TreeMap<>();
        Matcher prototype = PROTOTYPE.matcher(code);
        while (prototype.find()) {
            CFunction function = CFunction.parse(prototype.group(1), known);
            functions.put(function.name(), function);
        }
        return new HeaderFiles(functions, enumerators, constants);
    }

    private static Map<String, Long> enumerators(String body, Map<String, Long> constants) {
        Map<String, Long> values = new LinkedHashMap<>();
        long next = 0;
        for (String one : body.split(",")) {
            String[] sides = one.strip().split("\\s*=\\s*", 2);
            if (sides[0].isEmpty()) {
                continue;
            }
            if (sides.length == 2) {
                String name = sides[1].strip();
                OptionalLong value = number(name);
                Long named = values.getOrDefault(name, constants.get(name));
                if (value.isEmpty() && named == null) {
                    // An expression; what follows it has no known value either.
                    break;
                }
                next = value.isPresent() ? value.getAsLong() : named;
            }
            values.put(sides[0], next++);
        }
        return values;
    }

    private static OptionalLong number(String text) {
        String digits = text.replaceAll("[uUlL]+$", "");
        try {
            return OptionalLong.of(Long.decode(digits));
        } catch (NumberFormatException name) {
            return OptionalLong.empty();
        }
    }
}
