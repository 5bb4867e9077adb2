package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.hal.kernel.moe.MoeGate;

import org.jspecify.annotations.Nullable;

import java.util.Arrays;

/// The choice of experts for one token at a time, with a thread's own arrays.
final class ExpertChoice {
    /// Above this, `softplus(x)` is x to the last bit that matters, and `exp` would overflow
    /// further up.
    private static final double SOFTPLUS_THRESHOLD = 20;

    /// Keeps a sum of scores that has vanished from dividing by zero.
    private static final double SUM_FLOOR = 1e-20;

    private final MoeGate gate;
    private final double[] scores;
    private final double[] ranked;
    private final double[] groups;
    private final int[] keptGroups;
    private final boolean[] isKept;
    private final int[] chosen;
    private final double[] weights;

    ExpertChoice(MoeGate gate) {
        this.gate = gate;
        this.scores = new double[gate.experts()];
        this.ranked = new double[gate.experts()];
        this.groups = new double[gate.groups()];
        this.keptGroups = new int[gate.keptGroups()];
        this.isKept = new boolean[gate.groups()];
        this.chosen = new int[gate.topK()];
        this.weights = new double[gate.topK()];
    }

    /// {@return the score of every expert after [#score]}
    double[] scores() {
        return scores;
    }

    /// {@return the chosen experts, to be read after [#select] or written before [#weigh]}
    int[] chosen() {
        return chosen;
    }

    /// {@return the weights of the chosen experts after [#weigh]}
    double[] weights() {
        return weights;
    }

    /// Turns a token's logits into scores.
    void score(Rows logits, long token) {
        for (int e = 0; e < scores.length; e++) {
            scores[e] = logits.floatAt(token, e);
        }
        switch (gate.score()) {
            case SIGMOID -> {
                for (int e = 0; e < scores.length; e++) {
                    scores[e] = 1 / (1 + Math.exp(-scores[e]));
                }
            }
            case SQRT_SOFTPLUS -> {
                for (int e = 0; e < scores.length; e++) {
                    double l = scores[e];
                    scores[e] = Math.sqrt(l > SOFTPLUS_THRESHOLD ? l : Math.log1p(Math.exp(l)));
                }
            }
            case SOFTMAX -> softmax();
        }
    }

    private void softmax() {
        double max = Double.NEGATIVE_INFINITY;
        for (double score : scores) {
            max = Math.max(max, score);
        }
        double sum = 0;
        for (int e = 0; e < scores.length; e++) {
            scores[e] = Math.exp(scores[e] - max);
            sum += scores[e];
        }
        for (int e = 0; e < scores.length; e++) {
            scores[e] /= sum;
        }
    }

    /// Chooses the best experts of the best groups by score plus bias.
    void select(@Nullable Rows bias) {
        for (int e = 0; e < ranked.length; e++) {
            ranked[e] = bias == null ? scores[e] : scores[e] + bias.floatAt(0, e);
        }
        int groupSize = ranked.length / groups.length;
        if (keptGroups.length == groups.length) {
            Arrays.fill(isKept, true);
        } else {
            selectGroups(groupSize);
        }
        int count = 0;
        for (int group = 0; group < groups.length; group++) {
            if (isKept[group]) {
                for (int e = group * groupSize; e < (group + 1) * groupSize; e++) {
                    count = insert(e, ranked, chosen, count);
                }
            }
        }
    }

    private void selectGroups(int groupSize) {
        for (int group = 0; group < groups.length; group++) {
            int first = group * groupSize;
            double best = ranked[first];
            double second = Double.NaN;
            for (int e = first + 1; e < first + groupSize; e++) {
                if (isBetter(ranked[e], best)) {
                    second = best;
                    best = ranked[e];
                } else if (isBetter(ranked[e], second)) {
                    second = ranked[e];
                }
            }
            groups[group] = gate.groupScore() == MoeGate.GroupScore.TOP2_SUM ? best + second : best;
        }
        int count = 0;
        for (int group = 0; group < groups.length; group++) {
            count = insert(group, groups, keptGroups, count);
        }
        Arrays.fill(isKept, false);
        for (int group : keptGroups) {
            isKept[group] = true;
        }
    }

    /// Puts a candidate into a list that is ordered best first and holds as many as it has room
    /// for. Candidates come in ascending order, so one that is only as good as another belongs
    /// behind it.
    ///
    /// @return the new number of entries
    private static int insert(int candidate, double[] values, int[] list, int count) {
        int at = count;
        if (count == list.length) {
            if (!isBetter(values[candidate], values[list[count - 1]])) {
                return count;
            }
            at = count - 1;
        }
        while (at > 0 && isBetter(values[candidate], values[list[at - 1]])) {
            list[at] = list[at - 1];
            at--;
        }
        list[at] = candidate;
        return Math.min(count + 1, list.length);
    }

    private static boolean isBetter(double a, double b) {
        return a > b || (Double.isNaN(b) && !Double.isNaN(a));
    }

    /// Computes the weights of the chosen experts from their scores.
    void weigh() {
        double sum = SUM_FLOOR;
        for (int k = 0; k < chosen.length; k++) {
            weights[k] = scores[chosen[k]];
            sum += weights[k];
        }
        double divisor = gate.normalise() ? sum : 1;
        for (int k = 0; k < chosen.length; k++) {
            weights[k] = weights[k] / divisor * gate.scale();
        }
    }
}
