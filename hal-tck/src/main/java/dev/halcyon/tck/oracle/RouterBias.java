package dev.halcyon.tck.oracle;

/// The balancing of experts without a loss: after a step, the bias of busy experts sinks and that
/// of idle ones rises.
///
/// Source: DeepSeek-V3 technical report, "Auxiliary-Loss-Free Load Balancing"; DeepSeek-V4
/// technical report (speed 0.001).
public final class RouterBias {
    private RouterBias() {}

    /// `b[e] + speed * sign(mean load - load[e])`; an expert exactly at the mean keeps its bias.
    ///
    /// The comparison is in whole numbers, `Σ load` against `experts * load[e]`, so that no rounded
    /// mean decides it.
    ///
    /// @param loads `[experts]` tokens routed to each expert over the whole batch
    /// @return the new bias
    public static double[] update(double[] bias, long[] loads, double speed) {
        Shapes.require("loads", loads.length, bias.length);
        long total = 0;
        for (long load : loads) {
            total += load;
        }
        double[] updated = new double[bias.length];
        for (int e = 0; e < bias.length; e++) {
            updated[e] = bias[e] + speed * Long.signum(total - loads[e] * bias.length);
        }
        return updated;
    }
}
