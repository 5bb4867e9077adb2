/// Recorded graphs on the device: the capture of a list of tasks under one lock, and the handle
/// that comes of it.
@NullMarked
package dev.halcyon.backend.ascend.graph;

import org.jspecify.annotations.NullMarked;
