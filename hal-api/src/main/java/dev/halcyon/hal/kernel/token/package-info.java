/// From logits to the next token. Random numbers come from a counter and not from a state, so a
/// replayed graph, another batch and another backend draw the same number for the same seed and
/// position.
@NullMarked
package dev.halcyon.hal.kernel.token;

import org.jspecify.annotations.NullMarked;
