package dev.halcyon.tck.verify;

import dev.halcyon.tck.fixture.Fixture;

import java.util.BitSet;

/// The tokens of a case whose result is undefined, because scores at the boundary of a choice are
/// equal or too close.
///
/// @param tokens all tokens
/// @param unclear those of them
record Ties(int tokens, BitSet unclear) {
    /// Below this distance of the last chosen score from the first rejected one, F32 may choose
    /// differently.
    private static final double CLOSE_MARGIN = 1e-5;

    /// Queries and keys are each rounded on the way to a logit.
    private static final double LOGIT_ROUNDINGS = 2;

    static Ties of(Fixture fixture, int tokens) {
        BitSet unclear = new BitSet(tokens);
        for (String name : new String[] {"out.margin", "out.margin_expert", "out.margin_group"}) {
            double[] margins = fixture.doublesOrNull(name);
            for (int t = 0; margins != null && t < tokens; t++) {
                unclear.set(t, unclear.get(t) || margins[t] <= CLOSE_MARGIN);
            }
        }
        double[] flags = fixture.doublesOrNull("out.tie_flag");
        for (int t = 0; flags != null && t < tokens; t++) {
            unclear.set(t, unclear.get(t) || flags[t] != 0);
        }
        return new Ties(tokens, unclear);
    }

    /// Those of a layer's tokens whose result is not defined to within the tolerance of a run.
    ///
    /// @param margins of each token's choice of experts, relative
    /// @param doubts of each token's attention, in units of the roundoff
    static Ties of(double[] margins, double[] doubts, Comparison found) {
        BitSet unclear = new BitSet(margins.length);
        for (int t = 0; t < margins.length; t++) {
            unclear.set(
                    t,
                    margins[t] <= found.tolerance()
                            || LOGIT_ROUNDINGS * doubts[t] * found.roundoff() > found.tolerance());
        }
        return new Ties(margins.length, unclear);
    }

    /// The rows of the other tokens.
    double[] clear(double[] rows) {
        int width = rows.length / Math.max(1, tokens);
        double[] kept = new double[(tokens - unclear.cardinality()) * width];
        int at = 0;
        for (int t = unclear.nextClearBit(0); t < tokens; t = unclear.nextClearBit(t + 1)) {
            System.arraycopy(rows, t * width, kept, at, width);
            at += width;
        }
        return kept;
    }

    boolean leavesOut(int token) {
        return unclear.get(token);
    }

    void note(Comparison found) {
        if (!unclear.isEmpty()) {
            found.note(
                    unclear.cardinality()
                            + " of "
                            + tokens
                            + " tokens skipped, whose choice is a tie or nearly one");
        }
    }
}
