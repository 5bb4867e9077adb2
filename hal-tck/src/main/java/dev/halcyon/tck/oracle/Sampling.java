package dev.halcyon.tck.oracle;

/// The choice of the next token: temperature, then top-k, then top-p, then a draw with a given uniform number.
///
/// Everything but the uniform number is deterministic, so a backend is checked by its distribution and by the token it draws for the
/// same number. The order of the filters is that of Hugging Face Transformers' logits warpers.
public final class Sampling {
    private Sampling() {}

    /// The token with the largest logit, the smaller id on a tie, NaN last.
    public static int greedy(double[] logits) {
        return Ranking.best(logits, 0, logits.length);
    }

    /// The distribution that the token is drawn from; entries that a filter removed are exactly zero, the rest sums to one.
    ///
    /// 1. divide by `temperature`; 0 means greedy: all weight on [#greedy];
    /// 2. keep the `topK` best logits by [Ranking]; 0 keeps all;
    /// 3. softmax; keep the shortest prefix, best first, whose probabilities sum to at least `topP`, never fewer than one token;
    ///    1 keeps all;
    /// 4. normalise again.
    ///
    /// @throws IllegalArgumentException if a parameter is outside its range
    public static double[] distribution(double[] logits, double temperature, int topK, double topP) {
        if (!(temperature >= 0) || topK < 0 || !(topP > 0 && topP <= 1)) {
            throw new IllegalArgumentException("need temperature >= 0, topK >= 0 and 0 < topP <= 1, got temperature "
                    + temperature + ", topK " + topK + ", topP " + topP);
        }
        double[] probabilities = new double[logits.length];
        if (temperature == 0) {
            probabilities[greedy(logits)] = 1;
            return probabilities;
        }
        int[] order = Ranking.order(logits, 0, logits.length);
        int kept = topK == 0 ? order.length : Math.min(topK, order.length);
        double[] scaled = new double[kept];
        for (int rank = 0; rank < kept; rank++) {
            double logit = logits[order[rank]];
            scaled[rank] = Double.isNaN(logit) ? Double.NEGATIVE_INFINITY : logit / temperature;
        }
        Softmax.apply(scaled, 0, kept, scaled);
        int survivors = topP == 1 ? kept : nucleus(scaled, topP);
        double mass = 0;
        for (int rank = 0; rank < survivors; rank++) {
            mass += scaled[rank];
        }
        for (int rank = 0; rank < survivors; rank++) {
            probabilities[order[rank]] = scaled[rank] / mass;
        }
        return probabilities;
    }

    /// The first token id whose cumulative probability, summed in id order, exceeds `uniform`; the last possible token if rounding
    /// leaves the sum short.
    ///
    /// @param uniform from 0 inclusive to 1 exclusive
    public static int draw(double[] probabilities, double uniform) {
        double cumulative = 0;
        int last = -1;
        for (int id = 0; id < probabilities.length; id++) {
            if (probabilities[id] > 0) {
                cumulative += probabilities[id];
                last = id;
                if (uniform < cumulative) {
                    return id;
                }
            }
        }
        return last;
    }

    private static int nucleus(double[] descending, double topP) {
        double cumulative = 0;
        for (int rank = 0; rank < descending.length; rank++) {
            cumulative += descending[rank];
            if (cumulative >= topP) {
                return rank + 1;
            }
        }
        return descending.length;
    }
}
