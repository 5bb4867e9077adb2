/// What can go wrong on a device, as one sealed family: each exception names the device, the
/// operation, the native code with its symbolic name where there is one, and a remedy. Mistakes of
/// the caller are not here; they are [IllegalArgumentException] and [IllegalStateException] with
/// the offending values.
@NullMarked
package dev.halcyon.hal.error;

import org.jspecify.annotations.NullMarked;
