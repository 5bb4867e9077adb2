package dev.halcyon.backend.cuda;

import org.jspecify.annotations.Nullable;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.locks.LockSupport;

/// The marks of a stream that somebody may still wait for, in order.
///
/// *Threads.* Usable from any thread.
final class StreamClock {
    private static final long POLL_NANOS = 20_000;

    private record Mark(long sequence, long event) {}

    private final CudaContext context;
    private final Deque<Mark> open = new ArrayDeque<>();
    private long reached;

    StreamClock(CudaContext context) {
        this.context = context;
    }

    /// Sets a mark at the present end of the stream.
    synchronized void mark(long stream, long sequence) {
        poll();
        long event = context.takeEvent();
        context.run("mark", driver -> driver.record(event, stream));
        open.add(new Mark(sequence, event));
    }

    /// {@return whether the stream has passed a mark}
    synchronized boolean hasReached(long sequence) {
        poll();
        return reached >= sequence;
    }

    private void poll() {
        while (!open.isEmpty()) {
            Mark first = open.peek();
            if (!context.ask("poll", driver -> driver.hasPassed(first.event()))) {
                return;
            }
            pass(first);
        }
    }

    private void pass(Mark first) {
        reached = first.sequence();
        context.giveEvent(first.event());
        open.remove();
    }

    /// Everything so far has passed.
    synchronized void passAll(long sequence) {
        while (!open.isEmpty()) {
            pass(open.element());
        }
        reached = sequence;
    }

    /// {@return whether the stream passed a mark within the time}
    boolean await(long sequence, Duration timeout) {
        long start = System.nanoTime();
        long patience = nanos(timeout);
        while (!hasReached(sequence)) {
            if (System.nanoTime() - start >= patience) {
                return false;
            }
            LockSupport.parkNanos(this, POLL_NANOS);
        }
        return true;
    }

    private static long nanos(Duration timeout) {
        try {
            return timeout.toNanos();
        } catch (ArithmeticException centuries) {
            return Long.MAX_VALUE;
        }
    }

    /// Lets another stream of the same context wait for a mark, on the device.
    synchronized void holdBack(long stream, long sequence) {
        Mark found = find(sequence);
        if (found != null) {
            context.run("waitFor", driver -> driver.waitFor(stream, found.event()));
        }
    }

    private @Nullable Mark find(long sequence) {
        for (Mark mark : open) {
            if (mark.sequence() >= sequence) {
                return mark;
            }
        }
        return null;
    }
}
