package dev.halcyon.hal;

import java.util.ArrayList;
import java.util.List;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;

/// What the project logs while this is open, kept from the console.
public final class Warnings extends Handler implements AutoCloseable {
    /// Held here because the logging library holds loggers weakly.
    private static final Logger LOGGER = Logger.getLogger("dev.halcyon");

    private final List<LogRecord> records = new ArrayList<>();

    /// Begins to listen.
    public Warnings() {
        LOGGER.setUseParentHandlers(false);
        LOGGER.setLevel(Level.ALL);
        LOGGER.addHandler(this);
    }

    /// {@return the messages so far}
    public synchronized List<String> messages() {
        return records.stream().map(LogRecord::getMessage).toList();
    }

    /// {@return the record whose message has every one of `words`}
    public synchronized LogRecord find(String... words) {
        return records.stream()
                .filter(entry -> List.of(words).stream().allMatch(entry.getMessage()::contains))
                .findFirst()
                .orElseThrow(() -> new AssertionError(List.of(words) + " is not in " + messages()));
    }

    @Override
    public synchronized void publish(LogRecord entry) {
        records.add(entry);
    }

    @Override
    public void flush() {}

    @Override
    public void close() {
        LOGGER.removeHandler(this);
        LOGGER.setLevel(null);
        LOGGER.setUseParentHandlers(true);
    }
}
