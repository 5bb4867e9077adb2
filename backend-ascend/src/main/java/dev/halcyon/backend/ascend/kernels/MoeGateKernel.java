package dev.halcyon.backend.ascend.kernels;

import dev.halcyon.backend.ascend.acl.AclDataType;
import dev.halcyon.backend.ascend.acl.Operator;
import dev.halcyon.backend.ascend.operators.AscendWork;
import dev.halcyon.backend.ascend.operators.Composition;
import dev.halcyon.backend.ascend.operators.Platform;
import dev.halcyon.backend.ascend.operators.View;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Support;
import dev.halcyon.hal.kernel.moe.MoeGate;
import dev.halcyon.hal.kernel.moe.MoeGate.GroupScore;
import dev.halcyon.hal.kernel.moe.MoeGate.Score;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import org.jspecify.annotations.Nullable;

import java.util.List;

/// [MoeGate]: a product and one operator that routes, where CANN has it and it does what the spec
/// says; otherwise composed of sorts and gathers.
record MoeGateKernel(Platform platform) implements Kernel<MoeGate, MoeGate.Args, AscendWork> {
    private static final String FUSED = "moe-gate.gating-top-k";
    private static final String COMPOSED = "moe-gate.composed";
    private static final double EPSILON = 1e-20;

    /// Most experts that the fused operator takes.
    private static final int MOST_EXPERTS = 2048;

    /// The operands of a gate.
    record Views(
            View x,
            View weight,
            @Nullable View bias,
            @Nullable View tokenIds,
            @Nullable View expertTable,
            View indices,
            View weights,
            @Nullable View scores,
            @Nullable View activeRows) {}

    @Override
    public Class<MoeGate> specType() {
        return MoeGate.class;
    }

    @Override
    public List<String> implementations() {
        return platform.has(Operator.MOE_GATING_TOP_K)
                ? List.of(FUSED, COMPOSED)
                : List.of(COMPOSED);
    }

    @Override
    public Decision<MoeGate.Args, AscendWork> decide(MoeGate spec, Limits limits) {
        if (spec.x() == DType.F64 || spec.weight() == DType.F64) {
            return Decision.refused(
                    Support.Reason.NUMERICS,
                    "the matrix unit does not compute in F64",
                    "tokens and router in F32");
        }
        Decision<MoeGate.Args, AscendWork> refusal =
                Composed.refuseBf16(platform, spec.x(), spec.weight());
        if (refusal != null) {
            return refusal;
        }
        boolean fused = fuses(platform, spec);
        View choices = View.unbound(DType.I32, spec.maxTokens(), spec.topK());
        return Composed.decide(
                platform,
                fused ? FUSED : COMPOSED,
                Composed.reductions(DType.F32),
                new Views(
                        View.unbound(spec.x(), spec.maxTokens(), spec.hidden()),
                        View.unbound(spec.weight(), spec.experts(), spec.hidden()),
                        spec.bias() ? View.unbound(DType.F32, spec.experts()) : null,
                        spec.hashVocab() > 0 ? View.unbound(DType.I32, spec.maxTokens()) : null,
                        spec.hashVocab() > 0
                                ? View.unbound(DType.I64, spec.hashVocab(), spec.topK())
                                : null,
                        choices,
                        View.unbound(DType.F32, spec.maxTokens(), spec.topK()),
                        View.unbound(DType.F32, spec.maxTokens(), spec.experts()),
                        View.unbound(DType.I32, 1)),
                args ->
                        new Views(
                                View.of(args.x()),
                                View.of(args.weight()),
                                Composed.optional(args.bias()),
                                Composed.optional(args.tokenIds()),
                                Composed.optional(args.expertTable()),
                                View.of(args.indices()),
                                View.of(args.weights()),
                                Composed.optional(args.scores()),
                                Composed.optional(args.activeRows())),
                (c, views) -> {
                    if (views.x().dim(0) > 0) {
                        route(c, spec, fused, false, views);
                    }
                });
    }

    /// Adds a gate's calls.
    ///
    /// @param byRows whether no token's choice may depend on other tokens
    static void route(Composition c, MoeGate spec, boolean byRows, Views views) {
        route(c, spec, fuses(c.platform(), spec), byRows, views);
    }

    private static boolean fuses(Platform platform, MoeGate spec) {
        boolean renormalises = spec.score() == Score.SIGMOID;
        return platform.has(Operator.MOE_GATING_TOP_K)
                && platform.soc().hasBf16()
                && spec.hashVocab() == 0
                && spec.score() != Score.SQRT_SOFTPLUS
                && spec.normalise() == renormalises
                && spec.experts() <= MOST_EXPERTS;
    }

    private static void route(
            Composition c, MoeGate spec, boolean fused, boolean byRows, Views views) {
        long tokens = views.x().dim(0);
        View logits = logits(c, spec, byRows, views);
        View indices =
                c.isDense(views.indices())
                        ? views.indices()
                        : c.scratch(AclDataType.INT32, tokens, spec.topK());
        View weights =
                c.isDense(views.weights())
                        ? views.weights()
                        : c.scratch(AclDataType.FLOAT, tokens, spec.topK());
        if (fused) {
            View wanted = views.scores();
            View scores =
                    wanted != null && c.isDense(wanted)
                            ? wanted
                            : c.scratch(AclDataType.FLOAT, tokens, spec.experts());
            fuse(c, spec, logits, views.bias(), wanted != null, weights, indices, scores);
            if (wanted != null && scores != wanted) {
                c.convert(scores, wanted);
            }
        } else {
            View scores = scores(c, spec, logits);
            View faulty = null;
            if (spec.hashVocab() > 0) {
                faulty = hashed(c, spec, views, indices);
            } else {
                choose(c, spec, scores, views.bias(), indices);
            }
            weigh(c, spec, scores, indices, weights);
            if (faulty != null) {
                c.fillWhere(indices, faulty, -1);
                c.fillWhere(weights, faulty, 0);
            }
            View wanted = views.scores();
            if (wanted != null) {
                c.convert(scores, wanted);
            }
        }
        View activeRows = views.activeRows();
        if (activeRows != null) {
            View dead = RowBounds.dead(c, tokens, activeRows).unsqueeze(1);
            c.fillWhere(indices, dead, -1);
            c.fillWhere(weights, dead, 0);
        }
        if (indices != views.indices()) {
            c.convert(indices, views.indices());
        }
        if (weights != views.weights()) {
            c.convert(weights, views.weights());
        }
    }

    /// {@return binary32 logits}
    private static View logits(Composition c, MoeGate spec, boolean byRows, Views views) {
        View logits = c.scratch(AclDataType.FLOAT, views.x().dim(0), spec.experts());
        AclDataType type = Products.operandType(spec.x(), spec.weight(), false);
        View x = c.as(type, views.x());
        View weight = c.as(type, views.weight()).transpose(0, 1);
        if (byRows) {
            Products.multiplyByRows(c, x, weight, logits);
        } else {
            Products.multiply(c, x, weight, logits);
        }
        return logits;
    }

    private static void fuse(
            Composition c,
            MoeGate spec,
            View logits,
            @Nullable View bias,
            boolean wantsScores,
            View weights,
            View indices,
            View scores) {
        boolean limits = spec.keptGroups() < spec.groups();
        c.call(
                Operator.MOE_GATING_TOP_K,
                logits,
                bias,
                spec.topK(),
                limits ? spec.keptGroups() : 1,
                limits ? spec.groups() : 1,
                spec.groupScore() == GroupScore.TOP2_SUM && limits ? 1 : 0,
                0,
                spec.score() == Score.SIGMOID ? 1 : 0,
                wantsScores,
                spec.scale(),
                EPSILON,
                weights,
                indices,
                scores);
    }

    private static View scores(Composition c, MoeGate spec, View logits) {
        View scores = c.scratch(AclDataType.FLOAT, logits.dims());
        switch (spec.score()) {
            case SIGMOID -> c.sigmoid(logits, scores);
            case SOFTMAX -> c.call(Operator.SOFTMAX, logits, 1, scores);
            case SQRT_SOFTPLUS -> {
                // softplus(l) is minus the log-softmax of 0 beside l, without any overflow.
                View pairs = c.scratch(AclDataType.FLOAT, logits.dim(0), logits.dim(1), 2);
                c.fill(pairs, 0);
                c.copy(logits, last(pairs, 1));
                View logarithms = c.scratch(AclDataType.FLOAT, pairs.dims());
                c.call(Operator.LOG_SOFTMAX, pairs, 2, logarithms);
                c.multiply(last(logarithms, 0), -1, scores);
                c.squareRoot(scores);
            }
        }
        return scores;
    }

    /// {@return entry `index` of the last dimension}
    private static View last(View view, long index) {
        int inner = view.rank() - 1;
        return new View(
                view.type(),
                view.base(),
                view.offset() + index * view.strides()[inner],
                java.util.Arrays.copyOf(view.dims(), inner),
                java.util.Arrays.copyOf(view.strides(), inner));
    }

    private static void choose(
            Composition c, MoeGate spec, View scores, @Nullable View bias, View indices) {
        long tokens = scores.dim(0);
        View ranked = c.scratch(AclDataType.FLOAT, scores.dims());
        if (bias == null) {
            c.copy(scores, ranked);
        } else {
            c.add(scores, bias, 1, ranked);
        }
        if (spec.keptGroups() < spec.groups()) {
            keepBestGroups(c, spec, ranked, tokens);
        }
        // A stable descending sort keeps the smaller index first among equals; top-k does not say.
        View sorted = c.scratch(AclDataType.FLOAT, scores.dims());
        View order = c.scratch(AclDataType.INT64, scores.dims());
        c.call(Operator.SORT, ranked, true, 1, true, sorted, order);
        c.convert(order.slice(1, 0, spec.topK()), indices);
    }

    private static void keepBestGroups(Composition c, MoeGate spec, View ranked, long tokens) {
        long groups = spec.groups();
        long inGroup = spec.experts() / groups;
        View byGroup = ranked.reshape(tokens, groups, inGroup);
        View groupScore = c.scratch(AclDataType.FLOAT, tokens, groups, 1);
        if (spec.groupScore() == GroupScore.TOP2_SUM) {
            View sorted = c.scratch(AclDataType.FLOAT, byGroup.dims());
            View order = c.scratch(AclDataType.INT64, byGroup.dims());
            c.call(Operator.SORT, byGroup, true, 2, true, sorted, order);
            View best = c.scratch(AclDataType.FLOAT, tokens, groups, 2);
            c.copy(sorted.slice(2, 0, 2), best);
            c.sumRows(best, groupScore);
        } else {
            c.largestInRows(byGroup, groupScore);
        }
        View flat = groupScore.reshape(tokens, groups);
        View sorted = c.scratch(AclDataType.FLOAT, flat.dims());
        View order = c.scratch(AclDataType.INT64, flat.dims());
        c.call(Operator.SORT, flat, true, 1, true, sorted, order);
        View kept = c.scratch(AclDataType.INT64, tokens, spec.keptGroups());
        c.copy(order.slice(1, 0, spec.keptGroups()), kept);
        View zeros = c.scratch(AclDataType.FLOAT, tokens, groups);
        c.fill(zeros, 0);
        View ones = c.scratch(AclDataType.FLOAT, tokens, spec.keptGroups());
        c.fill(ones, 1);
        View marked = c.scratch(AclDataType.FLOAT, tokens, groups);
        c.call(Operator.SCATTER_ADD, zeros, 1, kept, ones, marked);
        c.fillWhere(byGroup, c.equal(marked, 0).unsqueeze(2), Double.NEGATIVE_INFINITY);
    }

    /// {@return where the table has no expert for a token, BOOL `[T, topK]`}
    private static View hashed(Composition c, MoeGate spec, Views views, View indices) {
        long tokens = views.x().dim(0);
        View tokenIds = views.tokenIds();
        View table = views.expertTable();
        if (tokenIds == null || table == null) {
            throw new IllegalStateException("a hashed gate has token ids and a table");
        }
        View live = RowBounds.replaceDead(c, tokenIds, views.activeRows(), 0);
        View ids = c.scratch(AclDataType.INT32, tokens);
        View unknown = c.checkIndices(live, table.dim(0), Long.MIN_VALUE, 0, ids).unsqueeze(1);
        View found = c.scratch(table.type(), tokens, spec.topK());
        c.gatherRows(table, ids, found);
        View narrow = c.scratch(AclDataType.INT32, tokens, spec.topK());
        c.convert(found, narrow);
        // A token that is not in the table raises the fault word once, not once a choice.
        c.fillWhere(narrow, unknown, 0);
        View wrong = c.checkIndices(narrow, spec.experts(), Long.MIN_VALUE, 0, indices);
        View flags = c.scratch(AclDataType.FLOAT, tokens, spec.topK());
        c.convert(wrong, flags);
        View any = c.scratch(AclDataType.FLOAT, tokens, 1);
        c.sumRows(flags, any);
        c.fillWhere(any, unknown, 1);
        View all = c.scratch(AclDataType.FLOAT, tokens, spec.topK());
        c.fill(all, 0);
        c.addTo(all, any, 1);
        return c.greater(all, 0);
    }

    private static void weigh(
            Composition c, MoeGate spec, View scores, View indices, View weights) {
        View places = c.scratch(AclDataType.INT64, indices.dims());
        c.convert(indices, places);
        c.call(Operator.GATHER, scores, 1, places, weights);
        if (spec.normalise()) {
            View sum = c.scratch(AclDataType.FLOAT, weights.dim(0), 1);
            c.sumRows(weights, sum);
            c.addTo(sum, EPSILON);
            c.divideBy(weights, sum);
        }
        c.multiplyBy(weights, spec.scale());
    }
}
