/// The decoder as launches: attention, feed-forward, whole layers and the head, each bound to one
/// set of activations.
@NullMarked
package dev.halcyon.engine.model;

import org.jspecify.annotations.NullMarked;
