package dev.halcyon.backend.ascend.graph;

import dev.halcyon.backend.ascend.memory.LastUse;
import dev.halcyon.backend.ascend.operators.DeviceTask;
import dev.halcyon.backend.ascend.operators.HostArray;
import dev.halcyon.backend.ascend.operators.OperatorCall;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BiConsumer;

/// The operators of a graph that take numbers from the host, and what they were given last.
///
/// CANN forbids to replace an operator of a graph that runs, so whoever replays with other numbers
/// waits for the replay before. Used by one thread at a time.
public final class HostUpdates {
    private static final long POLL_NANOS = 20_000;

    private final List<Entry> entries = new ArrayList<>();
    private @Nullable LastUse lastUse;

    private static final class Entry {
        final DeviceTask.HostPlanned task;
        final MemorySegment group;
        List<long[]> given = List.of();

        Entry(DeviceTask.HostPlanned task, MemorySegment group) {
            this.task = task;
            this.group = group;
        }

        List<long[]> wanted() {
            return task.call().hostArrays().stream()
                    .map(HostArray::now)
                    .map(now -> now.get())
                    .toList();
        }

        boolean isGiven(List<long[]> wanted) {
            boolean same = given.size() == wanted.size();
            for (int i = 0; same && i < given.size(); i++) {
                same = Arrays.equals(given.get(i), wanted.get(i));
            }
            return same;
        }
    }

    void add(DeviceTask.HostPlanned task, MemorySegment group) {
        entries.add(new Entry(task, group));
    }

    /// {@return whether every operator takes what was published last}
    public boolean fit() {
        return entries.stream().allMatch(entry -> entry.task.fits().getAsBoolean());
    }

    /// {@return whether every operator has what was published last}
    public boolean areCurrent() {
        return entries.stream().allMatch(entry -> entry.isGiven(entry.wanted()));
    }

    /// Notes a replay.
    public void useUntil(LastUse use) {
        if (!entries.isEmpty()) {
            lastUse = use;
        }
    }

    /// Waits until no replay runs.
    public void awaitLastUse() {
        LastUse use = lastUse;
        while (use != null && !use.hasPassed()) {
            LockSupport.parkNanos(this, POLL_NANOS);
        }
    }

    /// Gives every operator what was published last.
    ///
    /// @param update replaces the operator of a group
    void apply(BiConsumer<OperatorCall, MemorySegment> update) {
        for (Entry entry : entries) {
            List<long[]> wanted = entry.wanted();
            if (!entry.isGiven(wanted)) {
                update.accept(entry.task.call(), entry.group);
                entry.given = wanted;
            }
        }
    }
}
