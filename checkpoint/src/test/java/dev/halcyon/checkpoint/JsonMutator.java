package dev.halcyon.checkpoint;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/// Changes JSON at the level of its structure and writes it with all the freedom that JSON leaves,
/// duplicates included.
///
/// The tree is of its own making, because a library's would refuse just what parsers must be tried
/// with.
final class JsonMutator {
    /// A value of the tree.
    sealed interface Value {}

    record Members(List<Map.Entry<String, Value>> list) implements Value {}

    record Items(List<Value> list) implements Value {}

    /// A string.
    record Text(String text) implements Value {}

    /// Anything else, as it is written.
    record Raw(String text) implements Value {}

    private static final String[] ODD_RAW = {
        "null",
        "true",
        "false",
        "0",
        "-0",
        "-1",
        "1",
        "2",
        "3",
        "8",
        "64",
        "1.0",
        "1e3",
        "1e999",
        "-1e-999",
        "0.5",
        "2147483647",
        "2147483648",
        "-2147483648",
        "4294967296",
        "9223372036854775807",
        "9223372036854775808",
        "18446744073709551615",
        "123456789012345678901234567890",
        "1E400",
        "01",
        "+1",
        ".5",
        "1.",
        "NaN",
        "Infinity",
        "",
        "{",
        "]",
        "nul"
    };

    private static final String[] ODD_TEXT = {
        "",
        "F32",
        "F8_E4M3",
        "F4",
        "f32",
        "yarn",
        "silu",
        "fp8",
        "sigmoid",
        "greedy",
        "\u0000",
        "\ud83d\ude00",
        "../x.safetensors",
        "re:(a+)+$",
        "re:(",
        "re:.*.*.*.*.*x",
        "__metadata__",
        "dtype"
    };

    private final SplittableRandom random;

    JsonMutator(SplittableRandom random) {
        this.random = random;
    }

    /// Replaces, removes, duplicates, renames, moves or nests one value somewhere under `root`.
    void breakSomething(Members root) {
        List<Value> containers = new ArrayList<>();
        collect(root, containers);
        Value container = containers.get(random.nextInt(containers.size()));
        switch (container) {
            case Members members -> breakMember(members.list());
            case Items items -> breakItem(items.list());
            case Text text -> throw new IllegalStateException("not a container: " + text);
            case Raw raw -> throw new IllegalStateException("not a container: " + raw);
        }
    }

    private void breakMember(List<Map.Entry<String, Value>> list) {
        if (list.isEmpty()) {
            list.add(Map.entry(text(), odd(3)));
            return;
        }
        int at = random.nextInt(list.size());
        Map.Entry<String, Value> chosen = list.get(at);
        switch (random.nextInt(6)) {
            case 0 -> list.remove(at);
            case 1 -> list.add(random.nextInt(list.size() + 1), Map.entry(chosen.getKey(), odd(2)));
            case 2 -> list.set(at, Map.entry(text(), chosen.getValue()));
            case 3 -> {
                Map.Entry<String, Value> other = list.get(random.nextInt(list.size()));
                list.set(at, Map.entry(chosen.getKey(), other.getValue()));
            }
            default -> list.set(at, Map.entry(chosen.getKey(), near(chosen.getValue())));
        }
    }

    private void breakItem(List<Value> list) {
        if (list.isEmpty() || random.nextInt(4) == 0) {
            list.add(random.nextInt(list.size() + 1), odd(2));
            return;
        }
        int at = random.nextInt(list.size());
        if (random.nextInt(3) == 0) {
            list.remove(at);
        } else {
            list.set(at, near(list.get(at)));
        }
    }

    /// A value close to `value` where it is a number, else an odd one.
    private Value near(Value value) {
        if (value instanceof Raw raw
                && raw.text().matches("-?[0-9]{1,15}")
                && random.nextBoolean()) {
            long number = Long.parseLong(raw.text());
            long changed =
                    switch (random.nextInt(5)) {
                        case 0 -> number + 1;
                        case 1 -> number - 1;
                        case 2 -> number * 2;
                        case 3 -> -number;
                        default -> number + (1L << random.nextInt(62));
                    };
            return new Raw(Long.toString(changed));
        }
        return odd(3);
    }

    private Value odd(int depth) {
        return switch (random.nextInt(depth > 0 ? 8 : 5)) {
            case 0, 1, 2 -> new Raw(ODD_RAW[random.nextInt(ODD_RAW.length)]);
            case 3, 4 -> new Text(text());
            case 5 -> new Items(new ArrayList<>(List.of(odd(depth - 1), odd(depth - 1))));
            case 6 -> new Members(new ArrayList<>(List.of(Map.entry(text(), odd(depth - 1)))));
            default -> deep();
        };
    }

    private Value deep() {
        Value value = new Items(new ArrayList<>());
        for (int i = random.nextInt(random.nextInt(20) == 0 ? 3000 : 40); i > 0; i--) {
            value =
                    random.nextBoolean()
                            ? new Items(new ArrayList<>(List.of(value)))
                            : new Members(new ArrayList<>(List.of(Map.entry("d", value))));
        }
        return value;
    }

    String text() {
        return random.nextInt(50) == 0
                ? "n".repeat(random.nextInt(6000))
                : ODD_TEXT[random.nextInt(ODD_TEXT.length)]
                        + (random.nextBoolean() ? "" : random.nextInt(9));
    }

    private static void collect(Value value, List<Value> into) {
        // An explicit stack, because mutated trees are deeper than the thread's own.
        List<Value> open = new ArrayList<>(List.of(value));
        while (!open.isEmpty()) {
            Value next = open.removeLast();
            switch (next) {
                case Members members -> {
                    into.add(next);
                    members.list().forEach(member -> open.add(member.getValue()));
                }
                case Items items -> {
                    into.add(next);
                    open.addAll(items.list());
                }
                case Text text -> {}
                case Raw raw -> {}
            }
        }
    }

    /// The tree as text with random white space, member order as it is, and some characters
    /// escaped.
    String write(Value value) {
        StringBuilder out = new StringBuilder();
        write(value, out);
        return out.toString();
    }

    private void write(Value value, StringBuilder out) {
        switch (value) {
            case Raw raw -> out.append(raw.text());
            case Text text -> quote(text.text(), out);
            case Items items -> {
                out.append('[');
                for (int i = 0; i < items.list().size(); i++) {
                    out.append(i == 0 ? "" : ",");
                    write(items.list().get(i), out);
                }
                out.append(']');
            }
            case Members members -> {
                out.append('{');
                for (int i = 0; i < members.list().size(); i++) {
                    out.append(i == 0 ? "" : ",").append(space());
                    quote(members.list().get(i).getKey(), out);
                    out.append(space()).append(':').append(space());
                    write(members.list().get(i).getValue(), out);
                }
                out.append('}');
            }
        }
    }

    private String space() {
        return random.nextInt(12) == 0 ? " \n\t\r".substring(random.nextInt(4)) : "";
    }

    private void quote(String text, StringBuilder out) {
        out.append('"');
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c < ' ' || c == '"' || c == '\\' || random.nextInt(40) == 0) {
                out.append(String.format("\\u%04x", (int) c));
            } else {
                out.append(c);
            }
        }
        out.append('"');
    }

    /// Damages single bytes: flips, cuts, inserts, repeats.
    byte[] damage(byte[] bytes) {
        if (bytes.length == 0) {
            return bytes;
        }
        byte[] changed = bytes.clone();
        switch (random.nextInt(4)) {
            case 0 -> changed[random.nextInt(changed.length)] ^= (byte) (1 << random.nextInt(8));
            case 1 -> changed = java.util.Arrays.copyOf(changed, random.nextInt(changed.length));
            case 2 -> {
                int at = random.nextInt(changed.length + 1);
                byte[] longer = java.util.Arrays.copyOf(changed, changed.length + 1);
                System.arraycopy(changed, at, longer, at + 1, changed.length - at);
                longer[at] = (byte) random.nextInt(256);
                changed = longer;
            }
            default -> {
                int from = random.nextInt(changed.length);
                int length = random.nextInt(changed.length - from + 1);
                System.arraycopy(
                        changed,
                        from,
                        changed,
                        random.nextInt(changed.length - length + 1),
                        length);
            }
        }
        return changed;
    }
}
