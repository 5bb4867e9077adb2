package dev.halcyon.hal.event;

import dev.halcyon.hal.Graph;

import jdk.jfr.Category;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

import org.jspecify.annotations.Nullable;

/// One replay of a recorded graph.
@Name("dev.halcyon.Replay")
@Label("Graph replay")
@Category("Halcyon")
@Description("One replay of a recorded graph.")
@StackTrace(false)
public final class ReplayEvent extends Event {
    /// Device.
    @Label("Device")
    public String device = "";

    /// Stream.
    @Label("Stream")
    public String stream = "";

    /// Launches, copies and fills.
    @Label("Launches, copies and fills")
    public int nodes;

    /// Asked whether events are recorded, so that a replay makes none for nobody.
    private static final ReplayEvent PROBE = new ReplayEvent();

    /// Made by [#started()].
    public ReplayEvent() {}

    /// {@return an event that begins now, or null if nobody records any}
    public static @Nullable ReplayEvent started() {
        if (!PROBE.isEnabled()) {
            return null;
        }
        ReplayEvent event = new ReplayEvent();
        event.begin();
        return event;
    }

    /// Ends the event and records it.
    public void finish(String onDevice, String onStream, Graph graph) {
        end();
        if (shouldCommit()) {
            device = onDevice;
            stream = onStream;
            nodes = graph.size();
            commit();
        }
    }
}
