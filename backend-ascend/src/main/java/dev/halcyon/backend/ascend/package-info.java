/// The Ascend backend. This version has the probe alone: it finds the driver and CANN, counts
/// devices without a context, and explains every way to have none.
@NullMarked
package dev.halcyon.backend.ascend;

import org.jspecify.annotations.NullMarked;
