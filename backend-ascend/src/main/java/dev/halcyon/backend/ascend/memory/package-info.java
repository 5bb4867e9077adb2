/// Native memory of one device: blocks that arenas take and give back, and the rule that a block is
/// used again or freed only when the work that used it has passed.
@NullMarked
package dev.halcyon.backend.ascend.memory;

import org.jspecify.annotations.NullMarked;
