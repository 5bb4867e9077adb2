/// The Ascend backend: the probe, and a device whose streams give CANN's operators to the hardware.
///
/// The thread that uses a stream makes every native call for it; the device's context is set first
/// where the thread has another. Memory, events and graphs are given back only when the work that
/// uses them has passed.
@NullMarked
package dev.halcyon.backend.ascend;

import org.jspecify.annotations.NullMarked;
