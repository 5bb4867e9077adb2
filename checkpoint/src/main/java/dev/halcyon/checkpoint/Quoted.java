package dev.halcyon.checkpoint;

/// Text from a file made fit for a message: in quotes, control characters escaped, at most 120
/// characters.
final class Quoted {
    private static final int MOST_CHARACTERS = 120;

    private Quoted() {}

    static String text(String text) {
        return '"' + bare(text) + '"';
    }

    static String bare(String text) {
        StringBuilder out = new StringBuilder();
        int shown = Math.min(text.length(), MOST_CHARACTERS);
        for (int i = 0; i < shown; i++) {
            char c = text.charAt(i);
            // Lone surrogates and the bidirectional controls are legal in Java strings but garble
            // or reorder a terminal
            // line.
            boolean plain =
                    !Character.isISOControl(c)
                            && !Character.isSurrogate(c)
                            && Character.getType(c) != Character.FORMAT
                            && c != '\u2028'
                            && c != '\u2029';
            if (plain) {
                out.append(c);
            } else {
                out.append(String.format("\\u%04x", (int) c));
            }
        }
        if (shown < text.length()) {
            out.append("... (").append(text.length()).append(" characters)");
        }
        return out.toString();
    }
}
