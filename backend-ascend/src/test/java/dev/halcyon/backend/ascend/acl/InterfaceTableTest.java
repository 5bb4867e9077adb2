package dev.halcyon.backend.ascend.acl;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// What Java believes of CANN's interface is what the committed tables say, from which the
/// emulator's declarations are generated too.
class InterfaceTableTest {
    private record Row(String version, String letters) {}

    private static Path folder() {
        Path top = Path.of("").toAbsolutePath();
        while (!Files.exists(top.resolve("native/ascend-emulator/abi"))) {
            top = top.getParent();
        }
        return top.resolve("native/ascend-emulator/abi");
    }

    private static List<String> lines(String file) throws IOException {
        return Files.readAllLines(folder().resolve(file)).stream()
                .filter(line -> !line.isBlank() && !line.startsWith("#"))
                .toList();
    }

    private static Map<String, Row> functions() throws IOException {
        Map<String, Row> rows = new HashMap<>();
        for (String line : lines("functions.txt")) {
            String[] words = line.split(" ", 3);
            String declaration = words[2];
            int open = declaration.indexOf('(');
            String before = declaration.substring(0, open);
            String name = before.substring(before.lastIndexOf(' ') + 1).replace("*", "");
            StringBuilder letters = new StringBuilder();
            letters.append(letter(before.substring(0, before.length() - name.length())));
            String inner = declaration.substring(open + 1, declaration.lastIndexOf(')'));
            if (!inner.equals("void") && !inner.isBlank()) {
                for (String parameter : inner.split(",")) {
                    letters.append(letter(parameter));
                }
            }
            rows.put(name, new Row(words[1], letters.toString()));
        }
        return rows;
    }

    private static char letter(String declared) {
        if (declared.contains("*")) {
            return 'p';
        }
        for (Map.Entry<String, Character> type :
                Map.of(
                                "int32_t", 'i',
                                "uint32_t", 'i',
                                "int64_t", 'l',
                                "uint64_t", 'l',
                                "size_t", 'l',
                                "uint16_t", 's',
                                "float", 'f',
                                "double", 'd',
                                "bool", 'z',
                                "void", 'v')
                        .entrySet()) {
            if (List.of(declared.strip().split("\\s+")).contains(type.getKey())) {
                return type.getValue();
            }
        }
        return declared.contains("...") ? '.' : '?';
    }

    @Test
    void runtimeFunctionsAreAsTabled() throws IOException {
        Map<String, Row> table = functions();
        for (RuntimeFunction function : RuntimeFunction.values()) {
            Row row = table.get(function.symbol());
            assertThat(row).as(function.symbol()).isNotNull();
            assertThat(function.letters()).as(function.symbol()).isEqualTo(row.letters());
            assertThat(row.version()).as(function.symbol()).isEqualTo("8.1");
        }
    }

    @Test
    void baseFunctionsAreAsTabled() throws IOException {
        Map<String, Row> table = functions();
        for (BaseFunction function : BaseFunction.values()) {
            Row row = table.get(function.symbol());
            assertThat(row).as(function.symbol()).isNotNull();
            assertThat(function.letters()).as(function.symbol()).isEqualTo(row.letters());
        }
    }

    @Test
    void operatorsAreAsTabled() throws IOException {
        Map<String, String[]> table = new HashMap<>();
        for (String line : lines("operators.txt")) {
            String[] columns = line.split("\\|");
            table.put(columns[0].strip(), columns);
        }
        Map<String, String> letters =
                Map.ofEntries(
                        Map.entry("i8", "b"),
                        Map.entry("i64", "l"),
                        Map.entry("u64", "l"),
                        Map.entry("f32", "f"),
                        Map.entry("f64", "d"),
                        Map.entry("bool", "z"),
                        Map.entry("dt", "i"));
        for (Operator operator : Operator.values()) {
            String[] row = table.get(operator.symbol());
            assertThat(row).as(operator.symbol()).isNotNull();
            StringBuilder wanted = new StringBuilder();
            for (String parameter : row[4].split(",")) {
                wanted.append(letters.getOrDefault(parameter.strip().split(" ")[0], "p"));
            }
            assertThat(operator.kinds()).as(operator.symbol()).isEqualTo(wanted.toString());
            assertThat(operator.group().name().toLowerCase(java.util.Locale.ROOT))
                    .as(operator.symbol())
                    .isEqualTo(row[1].strip());
            assertThat(operator.since())
                    .as(operator.symbol())
                    .isEqualTo(row[2].strip().equals("8.1") ? Since.CANN_8_1 : Since.CANN_8_2);
        }
    }
}
