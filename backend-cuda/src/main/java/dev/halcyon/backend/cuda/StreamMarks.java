package dev.halcyon.backend.cuda;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;

/// Marks on several streams: whoever has passed all of them comes after the work that used some
/// memory.
final class StreamMarks {
    private record Mark(CudaStream stream, long event) {}

    private final CudaContext context;
    private final List<Mark> open = new ArrayList<>();

    StreamMarks(CudaContext context) {
        this.context = context;
    }

    /// {@return these marks and new ones at the present ends of streams}
    StreamMarks and(List<CudaStream> streams) {
        StreamMarks all = new StreamMarks(context);
        all.open.addAll(open);
        for (CudaStream stream : streams) {
            long event = stream.recordMark();
            if (event != 0) {
                all.open.add(new Mark(stream, event));
            }
        }
        return all;
    }

    boolean isEmpty() {
        return open.isEmpty();
    }

    /// Lets a stream wait, on the device, for the marks of the others.
    void holdBack(CudaStream stream) {
        for (Mark mark : open) {
            if (mark.stream() != stream) {
                context.run("wait", driver -> driver.waitFor(stream.handle(), mark.event()));
            }
        }
    }

    /// {@return whether all have been passed, without waiting}
    boolean havePassed() {
        Iterator<Mark> marks = open.iterator();
        while (marks.hasNext()) {
            Mark mark = marks.next();
            if (!context.isLost()
                    && !context.ask("poll", driver -> driver.hasPassed(mark.event()))) {
                return false;
            }
            context.giveEvent(mark.event());
            marks.remove();
        }
        return true;
    }

    /// Waits until all have been passed.
    void await() {
        for (Mark mark : open) {
            context.release(driver -> driver.synchronizeEvent(mark.event()));
            context.giveEvent(mark.event());
        }
        open.clear();
    }
}
