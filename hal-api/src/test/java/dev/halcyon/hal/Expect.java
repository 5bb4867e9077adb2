package dev.halcyon.hal;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.function.Executable;

/// What tests expect of an error: its type, and words that its message must have.
public final class Expect {
    private Expect() {}

    /// {@return what `action` throws, which is exactly of this type and has every one of `parts` in
    /// its message}
    public static <T extends Throwable> T thrown(
            Class<T> type, Executable action, String... parts) {
        T thrown = assertThrows(type, action);
        contains(String.valueOf(thrown.getMessage()), parts);
        return thrown;
    }

    /// Asserts that a text has every one of `parts`.
    public static void contains(String text, String... parts) {
        for (String part : parts) {
            assertTrue(text.contains(part), () -> "\"" + part + "\" is missing in: " + text);
        }
    }
}
