/// Halcyon's front door: discover backends, open a [dev.halcyon.hal.Device], plan kernels once,
/// bind them to memory, submit them to a [dev.halcyon.hal.Stream].
///
/// ```java
/// try (Device device = Halcyon.open(Selector.preferring("cuda", "cpu"));
///         DeviceArena arena = device.arena("demo");
///         Stream stream = device.stream("main")) {
///     stream.run(spec, args);
/// }
/// ```
///
/// Devices, plans, launches, tensors and timepoints may be used from any thread; a stream or an
/// arena belongs to one thread at a time.
@NullMarked
package dev.halcyon.hal;

import org.jspecify.annotations.NullMarked;
