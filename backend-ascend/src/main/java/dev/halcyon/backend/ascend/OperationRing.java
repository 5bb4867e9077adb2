package dev.halcyon.backend.ascend;

import dev.halcyon.backend.ascend.operators.DeviceTask;

import org.jspecify.annotations.Nullable;

/// The last things given to a stream, for the message of a failure that shows up later than its
/// cause.
///
/// Written by the thread that uses the stream; a reader on another thread may miss the newest.
final class OperationRing {
    private static final int LENGTH = 16;

    private final @Nullable DeviceTask[] tasks = new DeviceTask[LENGTH];
    private int next;

    void add(DeviceTask task) {
        tasks[next] = task;
        next = (next + 1) % LENGTH;
    }

    /// {@return them in order, the newest last; empty if there are none}
    @Override
    public String toString() {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < LENGTH; i++) {
            DeviceTask task = tasks[(next + i) % LENGTH];
            if (task != null) {
                text.append(text.isEmpty() ? "" : "; ").append(task.name());
            }
        }
        return text.toString();
    }
}
