package dev.halcyon.hal.event;

import jdk.jfr.Category;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/// A kernel that its device declined ran on another one.
@Name("dev.halcyon.Fallback")
@Label("Fallback")
@Category("Halcyon")
@Description("A kernel that its device declined ran on another one.")
@StackTrace(false)
public final class FallbackEvent extends Event {
    /// Device that declined.
    @Label("Device that declined")
    public String device = "";

    /// Device that ran it.
    @Label("Device that ran it")
    public String target = "";

    /// Kernel.
    @Label("Kernel")
    public String kernel = "";

    /// Why the device declined.
    @Label("Why the device declined")
    public String reason = "";
}
