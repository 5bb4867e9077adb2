package dev.halcyon.backend.ascend;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayDeque;

/// Events of one device that are not in use, so that a mark creates none; usable from any thread.
final class EventPool {
    private final AscendContext context;
    private final ArrayDeque<MemorySegment> idle = new ArrayDeque<>();

    EventPool(AscendContext context) {
        this.context = context;
    }

    /// {@return an event; the context must be current}
    synchronized MemorySegment take() {
        MemorySegment event = idle.poll();
        if (event != null) {
            return event;
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment place = arena.allocate(ValueLayout.ADDRESS);
            context.check(context.runtime().createEvent(place), "aclrtCreateEventExWithFlag", "");
            return place.get(ValueLayout.ADDRESS, 0);
        }
    }

    /// Takes an event back that has been reached.
    synchronized void give(MemorySegment event) {
        idle.push(event);
    }

    synchronized void close() {
        idle.forEach(event -> context.runtime().destroyEvent(event));
        idle.clear();
    }
}
