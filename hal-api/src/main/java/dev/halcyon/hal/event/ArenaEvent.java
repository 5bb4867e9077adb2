package dev.halcyon.hal.event;

import jdk.jfr.Category;
import jdk.jfr.DataAmount;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/// An arena took native memory from its device.
@Name("dev.halcyon.Arena")
@Label("Arena growth")
@Category("Halcyon")
@Description("An arena took native memory from its device.")
@StackTrace(false)
public final class ArenaEvent extends Event {
    /// Device.
    @Label("Device")
    public String device = "";

    /// Arena.
    @Label("Arena")
    public String label = "";

    /// Bytes added.
    @Label("Bytes added")
    @DataAmount
    public long bytes;

    /// Bytes reserved by the device.
    @Label("Bytes reserved by the device")
    @DataAmount
    public long reservedBytes;
}
