package dev.halcyon.backend.ascend.header;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/// The committed table of CANN's interface: the same files that the emulator is made of and that
/// tests compare the bindings with.
///
/// @param functions the types of functions, by name
/// @param constants enumerators, flags, sizes and offsets
public record InterfaceTable(Map<String, CFunction> functions, List<Constant> constants) {
    private static final String FOLDER = "/dev/halcyon/backend/ascend/abi/";

    public InterfaceTable {
        functions = Map.copyOf(functions);
        constants = List.copyOf(constants);
    }

    /// A number of the interface.
    ///
    /// @param kind `enum`, `flag`, `size` or `offset`
    /// @param type the C type, or what the names of its flags begin with
    /// @param name of the enumerator, flag or member
    /// @param value the number
    /// @param since `8.1` or `head`
    public record Constant(String kind, String type, String name, long value, String since) {}

    /// {@return the table}
    ///
    /// @throws IllegalStateException if it is not beside the classes
    public static InterfaceTable read() {
        return of(lines("functions.txt"), lines("operators.txt"), lines("constants.txt"));
    }

    static InterfaceTable of(List<String> functions, List<String> operators, List<String> numbers) {
        Map<String, CFunction> all = new TreeMap<>();
        for (String line : functions) {
            CFunction function = CFunction.parse(line.split(" ", 3)[2], CTypes.BASIC);
            all.put(function.name(), function);
        }
        for (String line : operators) {
            String[] columns = line.split("\\|");
            String name = columns[0].strip();
            StringBuilder letters = new StringBuilder("i");
            for (String parameter : columns[4].strip().split(",")) {
                letters.append(letter(parameter.strip().split(" ")[0]));
            }
            String phase = name + "GetWorkspaceSize";
            all.put(phase, new CFunction(phase, letters + "pp"));
            all.put(name, new CFunction(name, "iplpp"));
        }
        List<Constant> constants = new ArrayList<>();
        for (String line : numbers) {
            String[] words = line.split(" ");
            constants.add(
                    new Constant(words[0], words[1], words[2], Long.parseLong(words[3]), words[4]));
        }
        return new InterfaceTable(all, constants);
    }

    private static char letter(String kind) {
        return switch (kind) {
            case "i8" -> 'b';
            case "i64", "u64" -> 'l';
            case "f32" -> 'f';
            case "f64" -> 'd';
            case "bool" -> 'z';
            case "dt" -> 'i';
            default -> 'p';
        };
    }

    private static List<String> lines(String file) {
        try (InputStream in = InterfaceTable.class.getResourceAsStream(FOLDER + file)) {
            if (in == null) {
                throw new IllegalStateException(
                        FOLDER + file + " is not beside the classes; build backend-ascend again");
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8)
                    .lines()
                    .filter(line -> !line.isBlank() && !line.startsWith("#"))
                    .toList();
        } catch (IOException unreadable) {
            throw new UncheckedIOException("cannot read " + FOLDER + file, unreadable);
        }
    }
}
