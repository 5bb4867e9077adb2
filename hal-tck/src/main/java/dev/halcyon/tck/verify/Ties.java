package dev.halcyon.tck.verify;

import dev.halcyon.tck.fixture.Fixture;
import java.util.BitSet;

/// The tokens of a case whose choice of experts is undefined, because scores at the boundary are equal or too close.
///
/// @param tokens all tokens
/// @param unclear those that are left out of every comparison
record Ties(int tokens, BitSet unclear) {
    /// Below this distance of the last chosen score from the first rejected one, F32 may choose differently.
    private static final double CLOSE_MARGIN = 1e-5;

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

    static Ties none(int tokens) {
        return new Ties(tokens, new BitSet());
    }

    /// Those of a layer's tokens whose choice cannot be told apart at the precision of a run.
    ///
    /// @param margins of each token, relative
    /// @param tolerance the tolerance of the run, by which its hidden states may be off
    static Ties of(double[] margins, double tolerance) {
        BitSet unclear = new BitSet(margins.length);
        for (int t = 0; t < margins.length; t++) {
            unclear.set(t, margins[t] <= tolerance);
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

    int count() {
        return unclear.cardinality();
    }

    boolean leavesOut(int token) {
        return unclear.get(token);
    }

    void note(Comparison found) {
        if (!unclear.isEmpty()) {
            found.note(unclear.cardinality() + " of " + tokens + " tokens skipped, whose choice is a tie or nearly one");
        }
    }
}
