package dev.halcyon.tck.verify;

import dev.halcyon.tck.oracle.LatentCache;
import dev.halcyon.tck.oracle.MlaLayer;
import dev.halcyon.tck.oracle.MlaPrefill;
import dev.halcyon.tck.oracle.MlaShape;
import dev.halcyon.tck.oracle.Softmax;

/// How much a token's attention depends on the last bits of its logits.
///
/// A logit is off by about the unit roundoff times its magnitude, and a softmax moves by `p (1 -
/// p)` times that. Where logits are several tens and two of them share the weight, a result in BF16
/// is not defined to within its tolerance, whatever a kernel does.
final class SoftmaxDoubt {
    private SoftmaxDoubt() {}

    /// For each token the largest of its heads' `Σ p (1 - p) · max |z|`: what the result is off by,
    /// in units of the roundoff.
    ///
    /// @param x `[tokens, hidden]` input of the layer
    /// @param cache the rows of the sequence, those of these tokens included
    static double[] of(MlaLayer layer, double[] x, int[] positions, LatentCache cache) {
        MlaShape shape = layer.shape();
        double[] query = layer.query(x, positions);
        MlaPrefill.KeyValues keys = layer.keyValues(cache.toArray());
        double[] doubts = new double[positions.length];
        for (int t = 0; t < doubts.length; t++) {
            int visible = cache.rows() - positions.length + t + 1;
            for (int head = 0; head < shape.heads(); head++) {
                doubts[t] = Math.max(doubts[t], doubt(layer, query, keys, t, head, visible));
            }
        }
        return doubts;
    }

    private static double doubt(
            MlaLayer layer,
            double[] query,
            MlaPrefill.KeyValues keys,
            int token,
            int head,
            int visible) {
        MlaShape shape = layer.shape();
        int at = (token * shape.heads() + head) * shape.queryWidth();
        double[] z = new double[visible];
        double largest = 0;
        for (int j = 0; j < visible; j++) {
            for (int i = 0; i < shape.nope(); i++) {
                z[j] += query[at + i] * keys.key()[(j * shape.heads() + head) * shape.nope() + i];
            }
            for (int i = 0; i < shape.rope(); i++) {
                z[j] += query[at + shape.nope() + i] * keys.ropeKey()[j * shape.rope() + i];
            }
            z[j] *= layer.softmaxScale();
            largest = Math.max(largest, Math.abs(z[j]));
        }
        Softmax.apply(z, 0, visible, z);
        double spread = 0;
        for (double p : z) {
            spread += p * (1 - p);
        }
        return spread * largest;
    }
}
