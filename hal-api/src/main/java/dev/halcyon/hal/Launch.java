package dev.halcyon.hal;

import dev.halcyon.hal.kernel.Cost;

/// A plan bound to memory, ready to be submitted as often as wanted.
///
/// It is in flight on one stream at a time. It goes stale with the arena it was bound in and with
/// every arena its operands live in.
public interface Launch {
    /// {@return the plan}
    Plan<?> plan();

    /// {@return what it costs with the bound operands}
    Cost cost();

    /// {@return whether every arena involved is as it was at `bind`}
    boolean isAlive();
}
