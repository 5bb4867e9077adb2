/// What every backend is built from, whatever it calls its work: a registry of kernels that decide,
/// a bounded plan cache, plans that check once at bind, launches that know when they are stale,
/// recordings that are checked before they are captured, and the life cycle of devices and streams.
/// `W` is the backend's own type of bound work: a method to call, or a native launch to enqueue.
@NullMarked
package dev.halcyon.hal.spi;

import org.jspecify.annotations.NullMarked;
