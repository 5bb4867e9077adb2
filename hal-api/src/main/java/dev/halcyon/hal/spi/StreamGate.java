package dev.halcyon.hal.spi;

import dev.halcyon.hal.DeviceOptions;

import java.util.function.Consumer;

/// Lets calls into a stream one at a time: on platform threads, while it is open and has not
/// failed.
public final class StreamGate {
    private final String label;
    private final ThreadOwnership ownership;
    private final Consumer<String> checks;
    private volatile boolean closed;

    /// Makes the gate of a stream, which a virtual thread cannot have.
    ///
    /// @param checks throws, given the name of an operation, what keeps the stream from it, and
    ///   prepares the calling thread
    /// @throws IllegalStateException on a virtual thread
    public StreamGate(String label, DeviceOptions options, Consumer<String> checks) {
        refuseVirtualThread();
        this.label = label;
        this.ownership = new ThreadOwnership("stream \"" + label + "\"", options.checkThreads());
        this.checks = checks;
    }

    /// Begins an operation, which [#leave()] must end unless this throws.
    ///
    /// @throws IllegalStateException on a virtual thread, if the stream is closed, or if another
    ///   thread is inside and that is checked
    public void enter(String operation) {
        refuseVirtualThread();
        ownership.enter(operation);
        try {
            if (closed) {
                throw new IllegalStateException(
                        operation + " on stream \"" + label + "\", which is closed");
            }
            checks.accept(operation);
        } catch (RuntimeException refused) {
            ownership.leave();
            throw refused;
        }
    }

    /// Ends an operation.
    public void leave() {
        ownership.leave();
    }

    /// {@return whether the stream is closed}
    public boolean isClosed() {
        return closed;
    }

    /// Waits until no other thread is inside.
    public void awaitOthers() {
        ownership.awaitOthers();
    }

    /// Lets nobody in any more.
    public void close() {
        closed = true;
    }

    private static void refuseVirtualThread() {
        if (Thread.currentThread().isVirtual()) {
            throw new IllegalStateException(
                    "a stream was used on a virtual thread; native contexts and worker pools"
                            + " belong to platform threads, so run this on Thread.ofPlatform()");
        }
    }
}
