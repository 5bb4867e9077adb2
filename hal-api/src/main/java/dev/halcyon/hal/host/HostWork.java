package dev.halcyon.hal.host;

import java.util.List;

/// Bound work of a host device: a method that computes, on the calling thread or with helpers that
/// it waits for.
@FunctionalInterface
public interface HostWork {
    /// Computes; must not allocate on the hot path.
    ///
    /// @param faults where to report indices outside their pool
    void run(FaultSink faults);

    /// {@return work that does one piece after the other}
    static HostWork inOrder(List<HostWork> pieces) {
        HostWork[] all = pieces.toArray(HostWork[]::new);
        return faults -> {
            for (HostWork piece : all) {
                piece.run(faults);
            }
        };
    }
}
