/// The portability benchmark, `halcyon bench`: sets problems up on a device, holds samples of the
/// results to the fp64 oracle, and times the device and its peers in alternating rounds beside the
/// machine's ceilings of the same minute.
@NullMarked
package dev.halcyon.bench.suite;

import org.jspecify.annotations.NullMarked;
