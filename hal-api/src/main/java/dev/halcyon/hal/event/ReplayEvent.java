package dev.halcyon.hal.event;

import jdk.jfr.Category;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

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
}
