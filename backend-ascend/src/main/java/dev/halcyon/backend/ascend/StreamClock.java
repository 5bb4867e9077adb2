package dev.halcyon.backend.ascend;

import dev.halcyon.backend.ascend.acl.AclRuntime;
import dev.halcyon.backend.ascend.acl.MemcpyKind;
import dev.halcyon.backend.ascend.acl.ReturnCode;
import dev.halcyon.backend.ascend.memory.Block;
import dev.halcyon.backend.ascend.memory.LastUse;
import dev.halcyon.hal.error.HalException;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Optional;

/// How far a stream has come: its work is numbered, events say which number was reached.
///
/// The owner of the stream numbers its work; any thread may ask. With each event the counter of bad
/// indices is copied to the host if work before it may have counted, each time to a place of its
/// own, because a place that a queued copy will write must not be read.
final class StreamClock {
    private static final int WAIT_SLICE_MILLIS = 20;

    private record Recorded(long sequence, MemorySegment event, int place) {}

    private final AscendContext context;
    private final AclRuntime runtime;
    private final EventPool events;
    private final MemorySegment stream;
    private final StreamFailure failure;
    private final Block faultWord;
    private final MemorySegment faultCopies;
    private final int places;
    private final ArrayDeque<Recorded> pending = new ArrayDeque<>();
    private volatile long submitted;
    private volatile long passed;
    private long recorded;
    private boolean mayHaveFaults;
    private int nextPlace;
    private int faultsSeen;
    private boolean drained;

    /// @param faultWord device memory of the stream's counter of bad indices
    /// @param faultCopies pinned memory for copies of the counter
    StreamClock(
            AscendContext context,
            EventPool events,
            MemorySegment stream,
            StreamFailure failure,
            Block faultWord,
            Block faultCopies) {
        this.context = context;
        this.runtime = context.runtime();
        this.events = events;
        this.stream = stream;
        this.failure = failure;
        this.faultWord = faultWord;
        this.faultCopies =
                MemorySegment.ofAddress(faultCopies.address()).reinterpret(faultCopies.bytes());
        this.places = (int) (faultCopies.bytes() / Integer.BYTES);
    }

    /// {@return the number of the last work given to the stream}
    long submitted() {
        return submitted;
    }

    /// Numbers work that was given to the stream.
    ///
    /// @param countsFaults whether it may have counted bad indices
    synchronized void advance(boolean countsFaults) {
        mayHaveFaults |= countsFaults;
        submitted++;
    }

    /// {@return a use that ends with the work that is given next}
    LastUse next() {
        return use(submitted + 1);
    }

    /// {@return a use that ends with the work of that number}
    LastUse use(long sequence) {
        return () -> hasPassed(sequence);
    }

    /// Makes sure that an event stands behind the last work.
    synchronized long mark() {
        if (recorded < submitted) {
            record();
        }
        return submitted;
    }

    private void record() {
        if (drained) {
            recorded = submitted;
            passed = submitted;
            return;
        }
        context.makeCurrent();
        // A copy of the counter for each event, so the ring can only be full if nobody polls.
        while (pending.size() >= places - 1) {
            context.check(runtime.synchronizeStream(stream), "aclrtSynchronizeStream", "full ring");
            poll();
        }
        int place = -1;
        if (mayHaveFaults) {
            place = nextPlace;
            nextPlace = (nextPlace + 1) % places;
            context.check(
                    runtime.memcpyAsync(
                            faultCopies.address() + (long) place * Integer.BYTES,
                            faultWord.address(),
                            Integer.BYTES,
                            MemcpyKind.DEVICE_TO_HOST,
                            stream),
                    "aclrtMemcpyAsync",
                    failure.trail());
            mayHaveFaults = false;
        }
        MemorySegment event = events.take();
        try {
            context.check(runtime.recordEvent(event, stream), "aclrtRecordEvent", failure.trail());
        } catch (HalException failed) {
            events.give(event);
            throw failed;
        }
        recorded = submitted;
        pending.add(new Recorded(recorded, event, place));
    }

    /// {@return whether the stream has come past the work of that number}
    synchronized boolean hasPassed(long sequence) {
        if (passed >= sequence || drained) {
            return true;
        }
        context.makeCurrent();
        poll();
        if (passed < sequence && recorded < sequence && sequence <= submitted) {
            record();
        }
        return passed >= sequence;
    }

    private void poll() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment status = arena.allocate(ValueLayout.JAVA_INT);
            while (!pending.isEmpty()) {
                int reached = runtime.isEventReached(pending.element().event(), status);
                if (reached == 0) {
                    return;
                }
                if (reached < 0) {
                    failure.fail(context.failure(-reached, "query of an event", failure.trail()));
                    drain();
                    return;
                }
                take(pending.remove());
            }
        }
    }

    private void take(Recorded one) {
        passed = one.sequence();
        events.give(one.event());
        if (one.place() >= 0) {
            int count = faultCopies.getAtIndex(ValueLayout.JAVA_INT, one.place());
            if (count > faultsSeen) {
                failure.addFaults(count - faultsSeen);
                faultsSeen = count;
            }
        }
    }

    /// Notes that the stream is at an end: nothing more will run.
    synchronized void drain() {
        drained = true;
        passed = submitted;
        pending.forEach(one -> events.give(one.event()));
        pending.clear();
    }

    /// Notes that the stream was waited for.
    synchronized void caughtUp() {
        if (!drained) {
            poll();
        }
    }

    /// {@return the event behind the work of that number; none if it has passed}
    synchronized Optional<MemorySegment> eventBehind(long sequence) {
        if (hasPassed(sequence)) {
            return Optional.empty();
        }
        return pending.stream()
                .filter(one -> one.sequence() >= sequence)
                .findFirst()
                .map(Recorded::event);
    }

    /// Makes another stream wait for the work of that number.
    synchronized void waitBehind(long sequence, MemorySegment other) {
        // Under the lock, so that nobody takes the event back and records it anew meanwhile.
        Optional<MemorySegment> event = eventBehind(sequence);
        if (event.isPresent()) {
            context.check(runtime.streamWaitEvent(other, event.get()), "aclrtStreamWaitEvent", "");
        }
    }

    /// {@return whether the work of that number was passed in time}
    boolean await(long sequence, Duration timeout) {
        long start = System.nanoTime();
        long limit =
                timeout.compareTo(Duration.ofDays(365)) > 0 ? Long.MAX_VALUE : timeout.toNanos();
        context.makeCurrent();
        while (true) {
            Optional<MemorySegment> event = eventBehind(sequence);
            if (event.isEmpty()) {
                return true;
            }
            long left = limit - (System.nanoTime() - start);
            if (left <= 0) {
                return false;
            }
            int millis = (int) Math.clamp(left / 1_000_000, 1, WAIT_SLICE_MILLIS);
            // The event may be recorded for later work meanwhile, hence the slices.
            int status = runtime.synchronizeEvent(event.get(), millis);
            if (status != ReturnCode.SUCCESS && status != ReturnCode.EVENT_SYNC_TIMEOUT) {
                failure.fail(context.failure(status, "wait for an event", failure.trail()));
                drain();
                return true;
            }
        }
    }
}
