package dev.halcyon.hal.event;

import dev.halcyon.hal.Launch;

import jdk.jfr.Category;
import jdk.jfr.DataAmount;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

import org.jspecify.annotations.Nullable;

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

    /// Asked whether events are recorded, so that a submit makes none for nobody.
    private static final SubmitEvent PROBE = new SubmitEvent();

    /// Made by [#started()].
    public SubmitEvent() {}

    /// {@return an event that begins now, or null if nobody records any}
    public static @Nullable SubmitEvent started() {
        if (!PROBE.isEnabled()) {
            return null;
        }
        SubmitEvent event = new SubmitEvent();
        event.begin();
        return event;
    }

    /// Ends the event and records it.
    public void finish(String onDevice, String onStream, Launch launch) {
        end();
        if (shouldCommit()) {
            device = onDevice;
            stream = onStream;
            kernel = launch.plan().spec().name();
            implementation = launch.plan().support().implementation().toString();
            flops = launch.cost().flops();
            bytes = launch.cost().bytes();
            commit();
        }
    }
}
