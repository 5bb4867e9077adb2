package dev.halcyon.hal.event;

import jdk.jfr.Category;
import jdk.jfr.DataAmount;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/// One launch of a kernel on a stream.
@Name("dev.halcyon.Submit")
@Label("Kernel submit")
@Category("Halcyon")
@Description("One launch of a kernel on a stream.")
@StackTrace(false)
public final class SubmitEvent extends Event {
    /// Device.
    @Label("Device")
    public String device = "";

    /// Stream.
    @Label("Stream")
    public String stream = "";

    /// Kernel.
    @Label("Kernel")
    public String kernel = "";

    /// Implementation.
    @Label("Implementation")
    public String implementation = "";

    /// Floating-point operations.
    @Label("Floating-point operations")
    public double flops;

    /// Least bytes moved.
    @Label("Least bytes moved")
    @DataAmount
    public double bytes;
}
