package dev.halcyon.hal.kernel.moe;

import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.kernel.Operands;
import dev.halcyon.hal.kernel.Require;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;

import org.jspecify.annotations.Nullable;

import java.util.Objects;

/// Routes tokens: picks `topK` experts for each and the weights their results are summed with.
///
/// | operand | type and shape | |
/// |---|---|---|
/// | `x` | `x`, `[T, hidden]` | the tokens, T up to `maxTokens` |
/// | `weight` | `weight`, `[experts, hidden]` | the router, never quantized |
/// | `bias` | `F32 [experts]` | exactly when `bias`; moves the selection, never the weights |
/// | `tokenIds`, `expertTable` | `I32 [T]`; I32 or `I64 [hashVocab, topK]` | exactly when `hashVocab > 0` |
/// | `indices`, `weights` | I32, `F32 [T, topK]` | the result, best expert first (table order when hashed) |
/// | `scores` | `F32 [T, experts]` | optional: `s`, unbiased, for the balance loss and for backward |
/// | `activeRows` | `I32 [1]` | optional; tokens at and beyond it get index -1 and weight 0 |
///
/// With `l = x · weightᵀ` accumulated in F32 and `s = score(l)`:
/// 1. selection ranks by `s + bias`, whatever the score;
/// 2. where `keptGroups < groups`, the experts lie in `groups` equal runs, a group scores the sum
///    of its two best or its best ranked value, and experts outside the `keptGroups` best groups
///    cannot be chosen (they count as minus infinity, not 0);
/// 3. the `topK` best are chosen: higher first, the smaller index first among equals, NaN last;
///    groups likewise;
/// 4. `w = s[chosen]`, divided by `Σ w + 1e-20` if `normalise`, times `scale`.
///
/// `SQRT_SOFTPLUS` is `sqrt(l > 20 ? l : log1p(exp(l)))`. In a hashed gate the experts are the row
/// `tokenIds[t]` of `expertTable` and only step 4 applies; a token id outside the table, or a table
/// entry that is no expert, gives that token index -1 and weight 0 throughout and raises the fault
/// word.
///
/// Source: DeepSeek-V3 `inference/model.py` (Gate), DeepSeek-V4 `inference/model.py` (Gate),
/// DeepSeek TileKernels (tie rule, the 1e-20).
///
/// @param maxTokens upper bound of the number of tokens
/// @param hidden values a token
/// @param experts experts of the whole layer, on whatever device they are
/// @param topK experts a token
/// @param score turns a logit into a score
/// @param groups groups of experts; 1 for none
/// @param keptGroups groups that a token may choose from
/// @param groupScore how a group is ranked; no effect where every group is kept
/// @param bias whether a selection bias is given
/// @param normalise whether the weights of a token are divided by their sum
/// @param scale multiplies the weights
/// @param hashVocab rows of the expert table of a hashed gate; 0 for a scored gate
/// @param x element type of the tokens
/// @param weight element type of the router
public record MoeGate(
        int maxTokens,
        int hidden,
        int experts,
        int topK,
        Score score,
        int groups,
        int keptGroups,
        GroupScore groupScore,
        boolean bias,
        boolean normalise,
        double scale,
        int hashVocab,
        DType x,
        DType weight)
        implements KernelSpec<MoeGate.Args> {
    /// Turns the logits of a token into scores.
    public enum Score {
        /// `1 / (1 + exp(-l))`: DeepSeek-V3, Kimi K2, GLM-5.
        SIGMOID,
        /// Over all experts: DeepSeek-V2.
        SOFTMAX,
        /// `sqrt(softplus(l))`: DeepSeek-V4.
        SQRT_SOFTPLUS
    }

    /// Ranks a group of experts.
    public enum GroupScore {
        /// The sum of the two best ranked values: DeepSeek-V3.
        TOP2_SUM,
        /// The best ranked value: DeepSeek-V2.
        MAX
    }

    /// Operands, as tabled at [MoeGate].
    public record Args(
            Tensor x,
            Tensor weight,
            @Nullable Tensor bias,
            @Nullable Tensor tokenIds,
            @Nullable Tensor expertTable,
            Tensor indices,
            Tensor weights,
            @Nullable Tensor scores,
            @Nullable Tensor activeRows)
            implements KernelArgs {
        public Args {
            Objects.requireNonNull(x, "x");
            Objects.requireNonNull(weight, "weight");
            Objects.requireNonNull(indices, "indices");
            Objects.requireNonNull(weights, "weights");
        }

        /// {@return the operands that every gate has}
        public static Args of(Tensor x, Tensor weight, Tensor indices, Tensor weights) {
            return new Args(x, weight, null, null, null, indices, weights, null, null);
        }

        /// {@return these with the selection bias}
        public Args withBias(@Nullable Tensor selectionBias) {
            return new Args(
                    x,
                    weight,
                    selectionBias,
                    tokenIds,
                    expertTable,
                    indices,
                    weights,
                    scores,
                    activeRows);
        }

        /// {@return these with the operands of a hashed gate}
        public Args withHash(@Nullable Tensor ids, @Nullable Tensor table) {
            return new Args(x, weight, bias, ids, table, indices, weights, scores, activeRows);
        }

        /// {@return these with room for the scores of all experts}
        public Args withScores(@Nullable Tensor allScores) {
            return new Args(
                    x,
                    weight,
                    bias,
                    tokenIds,
                    expertTable,
                    indices,
                    weights,
                    allScores,
                    activeRows);
        }

        /// {@return these with the number of live tokens}
        public Args withActiveRows(@Nullable Tensor count) {
            return new Args(
                    x, weight, bias, tokenIds, expertTable, indices, weights, scores, count);
        }

        @Override
        public Operands operands() {
            return Operands.of()
                    .read("x", x)
                    .read("weight", weight)
                    .read("bias", bias)
                    .read("tokenIds", tokenIds)
                    .read("expertTable", expertTable)
                    .write("indices", indices)
                    .write("weights", weights)
                    .write("scores", scores)
                    .read("activeRows", activeRows);
        }
    }

    public MoeGate {
        Require.positive("maxTokens", maxTokens);
        Require.positive("hidden", hidden);
        Require.positive("experts", experts);
        Require.between("topK", topK, 1, experts);
        Objects.requireNonNull(score, "score");
        Objects.requireNonNull(groupScore, "groupScore");
        Require.between("groups", groups, 1, experts);
        Require.between("keptGroups", keptGroups, 1, groups);
        Require.that(
                experts % groups == 0,
                "groups must divide the " + experts + " experts evenly, not " + groups);
        int inGroup = experts / groups;
        Require.that(
                topK <= keptGroups * inGroup,
                "topK is "
                        + topK
                        + ", but "
                        + keptGroups
                        + " kept groups of "
                        + inGroup
                        + " experts have fewer");
        Require.that(
                groupScore == GroupScore.MAX || keptGroups == groups || inGroup >= 2,
                "groupScore TOP2_SUM needs groups of at least 2 experts, not " + inGroup);
        Require.finite("scale", scale);
        Require.notNegative("hashVocab", hashVocab);
        Require.that(
                hashVocab == 0 || (!bias && keptGroups == groups),
                "hashVocab is "
                        + hashVocab
                        + ", but a hashed gate selects by table: it has no bias and keeps every"
                        + " group");
        Require.activation("x", x);
        Require.activation("weight", weight);
    }

    /// {@return a scored gate without groups or bias; weights are normalised unless the score is a
    /// softmax, scale 1}
    public static MoeGate of(
            int maxTokens, int hidden, int experts, int topK, Score score, DType dtype) {
        boolean normalise = score != Score.SOFTMAX;
        return new MoeGate(
                maxTokens,
                hidden,
                experts,
                topK,
                score,
                1,
                1,
                GroupScore.MAX,
                false,
                normalise,
                1,
                0,
                dtype,
                dtype);
    }

    /// {@return the gate of DeepSeek-V2-Lite}
    public static MoeGate deepSeekV2Lite(int maxTokens, DType dtype) {
        return of(maxTokens, 2048, 64, 6, Score.SOFTMAX, dtype);
    }

    /// {@return the gate of DeepSeek-V2}
    public static MoeGate deepSeekV2(int maxTokens, DType dtype) {
        return of(maxTokens, 5120, 160, 6, Score.SOFTMAX, dtype)
                .withGroups(8, 3, GroupScore.MAX)
                .withScale(16);
    }

    /// {@return the gate of Moonlight}
    public static MoeGate moonlight(int maxTokens, DType dtype) {
        return of(maxTokens, 2048, 64, 6, Score.SIGMOID, dtype).withBias(true).withScale(2.446);
    }

    /// {@return the gate of DeepSeek-V3, R1 and V3.2}
    public static MoeGate deepSeekV3(int maxTokens, DType dtype) {
        return of(maxTokens, 7168, 256, 8, Score.SIGMOID, dtype)
                .withBias(true)
                .withGroups(8, 4, GroupScore.TOP2_SUM)
                .withScale(2.5);
    }

    /// {@return the gate of Kimi K2, K2.5 and K2.6}
    public static MoeGate kimiK2(int maxTokens, DType dtype) {
        return of(maxTokens, 7168, 384, 8, Score.SIGMOID, dtype).withBias(true).withScale(2.827);
    }

    /// {@return the gate of GLM-5}
    public static MoeGate glm5(int maxTokens, DType dtype) {
        return of(maxTokens, 6144, 256, 8, Score.SIGMOID, dtype).withBias(true).withScale(2.5);
    }

    /// {@return the scored gate of DeepSeek-V4-Flash; its first three layers use [#withHash(int)]}
    public static MoeGate deepSeekV4Flash(int maxTokens, DType dtype) {
        return of(maxTokens, 4096, 256, 6, Score.SQRT_SOFTPLUS, dtype)
                .withBias(true)
                .withScale(1.5);
    }

    /// {@return the scored gate of DeepSeek-V4-Pro; its first three layers use [#withHash(int)]}
    public static MoeGate deepSeekV4Pro(int maxTokens, DType dtype) {
        return of(maxTokens, 7168, 384, 6, Score.SQRT_SOFTPLUS, dtype)
                .withBias(true)
                .withScale(2.5);
    }

    /// {@return this gate with groups}
    public MoeGate withGroups(int count, int kept, GroupScore rank) {
        return new MoeGate(
                maxTokens, hidden, experts, topK, score, count, kept, rank, bias, normalise, scale,
                hashVocab, x, weight);
    }

    /// {@return this gate with or without a selection bias}
    public MoeGate withBias(boolean given) {
        return new MoeGate(
                maxTokens,
                hidden,
                experts,
                topK,
                score,
                groups,
                keptGroups,
                groupScore,
                given,
                normalise,
                scale,
                hashVocab,
                x,
                weight);
    }

    /// {@return this gate with or without division by the sum of the weights}
    public MoeGate withNormalise(boolean divide) {
        return new MoeGate(
                maxTokens,
                hidden,
                experts,
                topK,
                score,
                groups,
                keptGroups,
                groupScore,
                bias,
                divide,
                scale,
                hashVocab,
                x,
                weight);
    }

    /// {@return this gate with another factor on the weights}
    public MoeGate withScale(double factor) {
        return new MoeGate(
                maxTokens,
                hidden,
                experts,
                topK,
                score,
                groups,
                keptGroups,
                groupScore,
                bias,
                normalise,
                factor,
                hashVocab,
                x,
                weight);
    }

    /// {@return this gate choosing experts from a table of `vocab` rows: no bias, no groups}
    public MoeGate withHash(int vocab) {
        return new MoeGate(
                maxTokens,
                hidden,
                experts,
                topK,
                score,
                1,
                1,
                groupScore,
                false,
                normalise,
                scale,
                vocab,
                x,
                weight);
    }

    /// {@return this gate with other element types}
    public MoeGate withTypes(DType tokens, DType router) {
        return new MoeGate(
                maxTokens,
                hidden,
                experts,
                topK,
                score,
                groups,
                keptGroups,
                groupScore,
                bias,
                normalise,
                scale,
                hashVocab,
                tokens,
                router);
    }

    /// {@return whether experts come from a table}
    public boolean isHashed() {
        return hashVocab > 0;
    }

    @Override
    public void validate(Args args) {
        long tokens = Require.rows("x", args.x, x, maxTokens, hidden);
        Require.tensor("weight", args.weight, weight, experts, hidden);
        Require.given("bias", args.bias, bias);
        Require.optional("bias", args.bias, DType.F32, experts);
        requireHash(args.tokenIds, args.expertTable, tokens);
        Require.tensor("indices", args.indices, DType.I32, tokens, topK);
        Require.tensor("weights", args.weights, DType.F32, tokens, topK);
        Require.optional("scores", args.scores, DType.F32, tokens, experts);
        Require.optional("activeRows", args.activeRows, DType.I32, 1);
    }

    void requireHash(@Nullable Tensor tokenIds, @Nullable Tensor expertTable, long tokens) {
        Require.given("tokenIds", tokenIds, isHashed());
        Require.optional("tokenIds", tokenIds, DType.I32, tokens);
        Require.given("expertTable", expertTable, isHashed());
        if (expertTable != null) {
            DType entries = Require.oneOf("expertTable", expertTable.dtype(), DType.I32, DType.I64);
            Require.tensor("expertTable", expertTable, entries, hashVocab, topK);
        }
    }

    /// {@return the router GEMM at the bound; selection is not counted}
    @Override
    public Cost cost() {
        return cost(maxTokens, false);
    }

    @Override
    public Cost cost(Args args) {
        return cost(args.x.dim(0), args.scores != null);
    }

    Cost cost(double tokens, boolean withScores) {
        double perToken = (double) x.bytes(hidden) + 8.0 * topK + (withScores ? 4.0 * experts : 0);
        double perTokenHash = isHashed() ? 4.0 + 4.0 * topK : 0;
        double router = weight.bytes((long) experts * hidden) + (bias ? 4.0 * experts : 0);
        return new Cost(
                2.0 * tokens * experts * hidden, tokens * (perToken + perTokenHash) + router);
    }
}
