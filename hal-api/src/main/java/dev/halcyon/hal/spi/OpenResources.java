package dev.halcyon.hal.spi;

import dev.halcyon.hal.DeviceOptions;
import dev.halcyon.hal.Stream;
import dev.halcyon.hal.error.DeviceLostException;
import dev.halcyon.hal.memory.DeviceArena;

import org.jspecify.annotations.Nullable;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;

/// Whether a device is open, and the streams and arenas that its user has not closed yet.
///
/// *Threads.* Usable from any thread.
public final class OpenResources {
    private static final System.Logger LOGGER = System.getLogger(OpenResources.class.getName());

    private final String device;
    private final boolean trace;
    private final Runnable beforeEach;
    private final Map<Stream, Optional<Throwable>> streams = new ConcurrentHashMap<>();
    private final Map<DeviceArena, Optional<Throwable>> arenas = new ConcurrentHashMap<>();
    private final AtomicBoolean closed = new AtomicBoolean();

    /// Makes the account of a device with nothing open.
    ///
    /// @param device its name, for messages
    /// @param beforeEach is run before anything is closed, such as making a native context current
    public OpenResources(String device, DeviceOptions options, Runnable beforeEach) {
        this.device = device;
        this.trace = options.traceAllocations();
        this.beforeEach = beforeEach;
    }

    /// @throws IllegalStateException if the device is closed
    public void checkOpen(String operation) {
        if (closed.get()) {
            throw new IllegalStateException(
                    operation + " on device " + device + ", which is closed");
        }
    }

    /// {@return the stream, which is open from now on}
    public <S extends Stream> S opened(S stream) {
        streams.put(stream, creation());
        return stream;
    }

    /// {@return the arena, which is open from now on}
    public <A extends DeviceArena> A opened(A arena) {
        arenas.put(arena, creation());
        return arena;
    }

    private Optional<Throwable> creation() {
        return trace ? Optional.of(new Throwable("created here")) : Optional.empty();
    }

    /// Takes in that a stream was closed.
    public void forget(Stream stream) {
        streams.remove(stream);
    }

    /// Takes in that an arena was closed.
    public void forget(DeviceArena arena) {
        arenas.remove(arena);
    }

    /// Closes the device to its users: logs what they left open, and closes it.
    ///
    /// @return false if that has happened before
    public boolean close() {
        if (!closed.compareAndSet(false, true)) {
            return false;
        }
        // Streams first: closing one waits for its work, and nothing below may happen under a
        // running kernel.
        for (Stream stream : List.copyOf(streams.keySet())) {
            String what = "stream \"" + stream.label() + "\"";
            report(what + " was not closed", streams.get(stream));
            close(what, stream::close);
        }
        for (DeviceArena arena : List.copyOf(arenas.keySet())) {
            String what = "arena \"" + arena.label() + "\"";
            report(
                    what + " was not closed, " + arena.bytesReserved() + " bytes",
                    arenas.get(arena));
            close(what, arena::close);
        }
        return true;
    }

    private void report(String leak, @Nullable Optional<Throwable> creation) {
        Throwable where = creation == null ? null : creation.orElse(null);
        LOGGER.log(
                System.Logger.Level.WARNING,
                device
                        + ": "
                        + leak
                        + (where == null
                                ? "; open the device with -Dhalcyon.trace=true to see where it was"
                                        + " made"
                                : ""),
                where);
    }

    /// Closes a part of the device; failing to must not keep the rest open, so it is only logged.
    public void close(String what, Runnable action) {
        try {
            beforeEach.run();
            action.run();
        } catch (DeviceLostException gone) {
            // Everything went with the device, and its user has been told.
            LOGGER.log(System.Logger.Level.DEBUG, device + ": closing " + what + " failed", gone);
        } catch (RuntimeException failed) {
            LOGGER.log(
                    System.Logger.Level.WARNING, device + ": closing " + what + " failed", failed);
        }
    }
}
