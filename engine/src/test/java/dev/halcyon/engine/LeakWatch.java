package dev.halcyon.engine;

import java.util.ArrayList;
import java.util.List;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;

/// Listens to what devices say when they are closed: they list whatever was not closed before.
final class LeakWatch extends Handler implements AutoCloseable {
    // Held here, because the logging library forgets loggers that nobody holds.
    private final Logger logger = Logger.getLogger("dev.halcyon.hal");
    private final List<String> messages = new ArrayList<>();

    LeakWatch() {
        logger.setUseParentHandlers(false);
        logger.addHandler(this);
    }

    /// {@return what was said so far}
    List<String> messages() {
        return List.copyOf(messages);
    }

    /// {@return the same, and forgets it}
    List<String> takeMessages() {
        List<String> taken = messages();
        messages.clear();
        return taken;
    }

    @Override
    public void publish(LogRecord message) {
        messages.add(message.getMessage());
    }

    @Override
    public void flush() {}

    @Override
    public void close() {
        logger.removeHandler(this);
        logger.setUseParentHandlers(true);
    }
}
