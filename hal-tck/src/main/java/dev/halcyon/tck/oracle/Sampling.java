package dev.halcyon.tck.oracle;

/// The choice of the next token: temperature, then top-k, then top-p, then a draw with a given
/// uniform number.
///
/// Everything but the uniform number is deterministic, and that is a function of seed and position,
/// so a backend is checked by the distribution and by the token it draws. The order of the filters
/// is that of Hugging Face Transformers' logits warpers; the random numbers are the output function
/// of SplitMix64 (Steele, Lea, Flood 2014), applied to the seed first.
public final class Sampling {
    private static final long GOLDEN_GAMMA = 0x9E3779B97F4A7C15L;

    private Sampling() {}

    /// The token with the largest logit, the smaller id on a tie, NaN last; 0 if all are NaN.
    public static int greedy(double[] logits) {
        return Ranking.best(logits, 0, logits.length);
    }

    /// The distribution that the token is drawn from; entries that a filter removed are exactly
    /// zero, the rest sums to one.
    ///
    /// 1. Candidates stand in the order of [Ranking]. If `temperature` is not above 0, or the
    ///    largest logit is infinite, all weight is on the first.
    /// 2. The first `topK` stay; 0 or less keeps all.
    /// 3. Their probabilities are the softmax of `logit / temperature`, 0 for NaN. The shortest
    ///    prefix that sums to at least `topP` stays, never less than one candidate; 1 or more, or
    ///    NaN, keeps all.
    /// 4. What stayed is divided by its sum.
    public static double[] distribution(
            double[] logits, double temperature, int topK, double topP) {
        double[] probabilities = new double[logits.length];
        int first = greedy(logits);
        if (!(temperature > 0) || !Double.isFinite(logits[first])) {
            probabilities[first] = 1;
            return probabilities;
        }
        int[] order = Ranking.order(logits, 0, logits.length);
        int kept = topK <= 0 ? order.length : Math.min(topK, order.length);
        double[] descending = new double[kept];
        for (int rank = 0; rank < kept; rank++) {
            double logit = logits[order[rank]];
            descending[rank] = Double.isNaN(logit) ? Double.NEGATIVE_INFINITY : logit / temperature;
        }
        Softmax.apply(descending, 0, kept, descending);
        int survivors = Double.isNaN(topP) || topP >= 1 ? kept : nucleus(descending, topP);
        double mass = 0;
        for (int rank = 0; rank < survivors; rank++) {
            mass += descending[rank];
        }
        for (int rank = 0; rank < survivors; rank++) {
            probabilities[order[rank]] = descending[rank] / mass;
        }
        return probabilities;
    }

    /// The first token id at which the cumulative probability, summed in id order, exceeds
    /// `uniform`; the last possible token if rounding leaves the sum short.
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

    /// How far `uniform` is from the nearest place where [#draw] would choose another token: below
    /// a device's rounding error its choice is not defined.
    public static double margin(double[] probabilities, double uniform) {
        double cumulative = 0;
        double nearest = Double.POSITIVE_INFINITY;
        for (int id = 0; id < probabilities.length; id++) {
            cumulative += probabilities[id];
            if (probabilities[id] > 0 && cumulative < 1) {
                nearest = Math.min(nearest, Math.abs(cumulative - uniform));
            }
        }
        return nearest;
    }

    /// The number from 0 inclusive to 1 exclusive that belongs to a place of a sequence, a multiple
    /// of `2^-53`: `(mix(mix(seed + γ) + (position + 1) γ) >>> 11) 2^-53` with `γ =
    /// 0x9E3779B97F4A7C15`, in wrapping 64-bit arithmetic.
    public static double uniform(long seed, int position) {
        return (mix(mix(seed + GOLDEN_GAMMA) + (position + 1L) * GOLDEN_GAMMA) >>> 11) * 0x1p-53;
    }

    private static long mix(long input) {
        long z = (input ^ (input >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
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
