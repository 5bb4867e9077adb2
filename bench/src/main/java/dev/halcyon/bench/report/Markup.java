package dev.halcyon.bench.report;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Locale;

/// Writes HTML and SVG with every text escaped and every element closed.
final class Markup {
    private final StringBuilder text = new StringBuilder();
    private final Deque<String> open = new ArrayDeque<>();

    /// Begins an element.
    ///
    /// @param attributes names and values in turn
    Markup begin(String tag, Object... attributes) {
        start(tag, attributes).append('>');
        open.push(tag);
        return this;
    }

    /// Ends the element that began last.
    Markup end() {
        text.append("</").append(open.pop()).append(">\n");
        return this;
    }

    /// An element with a text and nothing else.
    Markup element(String tag, String content, Object... attributes) {
        return begin(tag, attributes).text(content).end();
    }

    /// An element with nothing in it, as SVG writes it.
    Markup empty(String tag, Object... attributes) {
        start(tag, attributes).append("/>\n");
        return this;
    }

    Markup text(String content) {
        text.append(escaped(content));
        return this;
    }

    /// Text that is markup already.
    Markup raw(String content) {
        text.append(content);
        return this;
    }

    private StringBuilder start(String tag, Object... attributes) {
        text.append('<').append(tag);
        for (int i = 0; i < attributes.length; i += 2) {
            text.append(' ')
                    .append(attributes[i])
                    .append("=\"")
                    .append(escaped(value(attributes[i + 1])))
                    .append('"');
        }
        return text;
    }

    private static String value(Object value) {
        return value instanceof Double number
                ? String.format(Locale.ROOT, "%.1f", number)
                : value.toString();
    }

    private static String escaped(String content) {
        return content.replace("&", "&amp;")
                .replace("<", "&lt;")
                .replace(">", "&gt;")
                .replace("\"", "&quot;");
    }

    /// {@return what was written}
    ///
    /// @throws IllegalStateException if an element was not ended
    @Override
    public String toString() {
        if (!open.isEmpty()) {
            throw new IllegalStateException("elements that are still open: " + open);
        }
        return text.toString();
    }
}
