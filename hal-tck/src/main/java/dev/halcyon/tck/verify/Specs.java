package dev.halcyon.tck.verify;

import dev.halcyon.hal.kernel.attention.RotaryFrequencies;
import dev.halcyon.hal.kernel.moe.MoeGate;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.tck.oracle.GateRule;
import dev.halcyon.tck.oracle.Yarn;

import org.jspecify.annotations.Nullable;

/// The rules of a case in the words of kernel specs.
final class Specs {
    private Specs() {}

    static RotaryFrequencies frequencies(int dim, double theta, @Nullable Yarn yarn) {
        return yarn == null
                ? RotaryFrequencies.plain(dim, theta)
                : RotaryFrequencies.yarn(
                        dim,
                        theta,
                        yarn.factor(),
                        (int) yarn.originalLength(),
                        yarn.betaFast(),
                        yarn.betaSlow(),
                        yarn.mscale(),
                        yarn.mscaleAllDim());
    }

    /// A gate of up to `tokens` tokens; `hashVocab` is 0 for a scored one.
    static MoeGate gate(
            GateRule rule, int tokens, int hidden, boolean bias, int hashVocab, DType dtype) {
        MoeGate gate =
                MoeGate.of(tokens, hidden, rule.experts(), rule.topK(), score(rule), dtype)
                        .withNormalise(rule.normalise())
                        .withScale(rule.scale());
        if (hashVocab > 0) {
            return gate.withHash(hashVocab);
        }
        MoeGate.GroupScore groupScore =
                switch (rule.groupScore()) {
                    case TOP2_SUM -> MoeGate.GroupScore.TOP2_SUM;
                    case MAX -> MoeGate.GroupScore.MAX;
                };
        return gate.withGroups(rule.groups(), rule.keptGroups(), groupScore).withBias(bias);
    }

    private static MoeGate.Score score(GateRule rule) {
        return switch (rule.score()) {
            case SIGMOID -> MoeGate.Score.SIGMOID;
            case SOFTMAX -> MoeGate.Score.SOFTMAX;
            case SQRT_SOFTPLUS -> MoeGate.Score.SQRT_SOFTPLUS;
        };
    }
}
