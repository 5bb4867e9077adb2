package dev.halcyon.tck.oracle;

import org.jspecify.annotations.Nullable;

import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;

/// The gradient of a mixture-of-experts layer behind its gate.
///
/// @param dx gradient of the input by way of the experts, `[tokens, hidden]`; the gate's part comes
///   on top
/// @param experts gradients of every expert that has tokens here, by index
/// @param shared gradients of the shared experts, or null
/// @param routingWeights gradient of the routing weights, `[tokens, topK]`
@SuppressWarnings("ArrayRecordComponent")
public record MoeBackward(
        double[] dx,
        Map<Integer, FeedForwardBackward> experts,
        @Nullable FeedForwardBackward shared,
        double[] routingWeights) {
    /// The gradient for the loss whose derivative by the layer's output is `dy`.
    ///
    /// @param dy `[tokens, hidden]`
    /// @param x `[tokens, hidden]`
    public static MoeBackward of(
            MoeLayer layer, double[] dy, double[] x, Routing routing, int hidden) {
        int topK = routing.topK();
        Dispatch dispatch =
                Dispatch.of(routing.indices(), topK, layer.firstExpert(), layer.localExperts(), 1);
        double[] rowsX = dispatch.expand(x, hidden);
        double[] rowsDy = dispatch.expand(dy, hidden);
        double[] rowsDx = new double[rowsX.length];
        double[] dWeights = new double[routing.weights().length];
        Map<Integer, FeedForwardBackward> experts = new TreeMap<>();
        for (int e = 0; e < layer.localExperts(); e++) {
            int from = dispatch.segmentStart()[e];
            int to = dispatch.segmentEnd()[e];
            if (from == to) {
                continue;
            }
            double[] weights =
                    Arrays.stream(dispatch.posToTokenTopk(), from, to)
                            .mapToDouble(slot -> routing.weights()[slot])
                            .toArray();
            int expert = layer.firstExpert() + e;
            FeedForwardBackward gradient =
                    FeedForwardBackward.of(
                            layer.experts().apply(expert),
                            Arrays.copyOfRange(rowsDy, from * hidden, to * hidden),
                            Arrays.copyOfRange(rowsX, from * hidden, to * hidden),
                            weights,
                            layer.limit());
            experts.put(expert, gradient);
            System.arraycopy(gradient.dx(), 0, rowsDx, from * hidden, gradient.dx().length);
            for (int row = from; row < to; row++) {
                dWeights[dispatch.posToTokenTopk()[row]] = gradient.rowWeights()[row - from];
            }
        }
        double[] dx = dispatch.expandBackward(rowsDx, hidden, topK);
        FeedForward network = layer.shared();
        FeedForwardBackward shared =
                network == null ? null : FeedForwardBackward.of(network, dy, x, layer.limit());
        return new MoeBackward(
                shared == null ? dx : Axpby.apply(1, dx, 1, shared.dx()),
                experts,
                shared,
                dWeights);
    }
}
