/// A complete device on host memory, short of kernels: an arena, an inline stream and a list graph.
/// The CPU backend is this device with fast kernels; a small or a fake backend is this device with
/// whatever kernels it has. Start with [dev.halcyon.hal.host.HostDevice#builder].
@NullMarked
package dev.halcyon.hal.host;

import org.jspecify.annotations.NullMarked;
