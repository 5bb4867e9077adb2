package dev.halcyon.checkpoint;

import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/// The patterns of a compressed-tensors `ignore` list: a module's exact name, or `re:` and an
/// expression that must match from its start.
///
/// Expressions come from the file, so they may neither be long nor run long: the matcher sees the
/// name through a counter of its steps.
final class ModulePattern {
    private static final String EXPRESSION_PREFIX = "re:";
    private static final int LONGEST_EXPRESSION = 256;
    private static final int LONGEST_NAME = 512;
    private static final int MOST_STEPS = 100_000;

    private ModulePattern() {}

    static void check(String pattern) {
        if (pattern.startsWith(EXPRESSION_PREFIX)) {
            compile(pattern);
        }
    }

    static boolean matches(String pattern, String name) {
        if (!pattern.startsWith(EXPRESSION_PREFIX)) {
            return pattern.equals(name);
        }
        if (name.length() > LONGEST_NAME) {
            throw new IllegalArgumentException(
                    "module name "
                            + Quoted.text(name)
                            + " is longer than "
                            + LONGEST_NAME
                            + " characters, too long to match against ignore patterns");
        }
        return compile(pattern).matcher(new CountedText(name, pattern)).lookingAt();
    }

    private static Pattern compile(String pattern) {
        String expression = pattern.substring(EXPRESSION_PREFIX.length());
        if (expression.length() > LONGEST_EXPRESSION) {
            throw new IllegalArgumentException(
                    "ignore holds the expression "
                            + Quoted.text(expression)
                            + ", longer than "
                            + LONGEST_EXPRESSION
                            + " characters");
        }
        try {
            return Pattern.compile(expression);
        } catch (PatternSyntaxException e) {
            throw new IllegalArgumentException(
                    "ignore holds "
                            + Quoted.text(expression)
                            + ", not a regular expression: "
                            + e.getDescription(),
                    e);
        }
    }

    /// Text that refuses to be looked at more often than any sane expression needs.
    private static final class CountedText implements CharSequence {
        private final String text;
        private final String pattern;
        private int steps;

        CountedText(String text, String pattern) {
            this.text = text;
            this.pattern = pattern;
        }

        @Override
        public char charAt(int index) {
            if (++steps > MOST_STEPS) {
                throw new IllegalArgumentException(
                        "ignore pattern "
                                + Quoted.text(pattern)
                                + " took over "
                                + MOST_STEPS
                                + " steps on "
                                + Quoted.text(text));
            }
            return text.charAt(index);
        }

        @Override
        public int length() {
            return text.length();
        }

        @Override
        public CharSequence subSequence(int start, int end) {
            return text.subSequence(start, end);
        }

        @Override
        public String toString() {
            return text;
        }
    }
}
