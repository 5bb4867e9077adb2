package dev.halcyon.backend.ascend.kernels;

import dev.halcyon.backend.ascend.acl.AclDataType;
import dev.halcyon.backend.ascend.acl.Operator;
import dev.halcyon.backend.ascend.operators.AscendWork;
import dev.halcyon.backend.ascend.operators.Composition;
import dev.halcyon.backend.ascend.operators.Platform;
import dev.halcyon.backend.ascend.operators.View;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Support;
import dev.halcyon.hal.kernel.token.Sample;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import org.jspecify.annotations.Nullable;

import java.util.List;
import java.util.Objects;

/// [Sample]: logits are ranked as integers, which have no NaN and one order; a draw sorts them only
/// if top-k or top-p is given, and finds its token in the running sum of what stayed.
record SampleKernel(Platform platform) implements Kernel<Sample, Sample.Args, AscendWork> {
    private static final String GREEDY = "sample.greedy";
    private static final String RANDOM = "sample.random";

    private record Views(
            View logits,
            @Nullable View temperature,
            @Nullable View topP,
            @Nullable View topK,
            @Nullable View seed,
            @Nullable View position,
            View ids,
            @Nullable View activeRows) {}

    @Override
    public Class<Sample> specType() {
        return Sample.class;
    }

    @Override
    public List<String> implementations() {
        return List.of(GREEDY, RANDOM);
    }

    @Override
    public Decision<Sample.Args, AscendWork> decide(Sample spec, Limits limits) {
        if (spec.logits() == DType.F64) {
            return Decision.refused(
                    Support.Reason.FORMAT, "logits are F64, ranked here as F32", "logits of F32");
        }
        Decision<Sample.Args, AscendWork> refusal = Composed.refuseBf16(platform, spec.logits());
        if (refusal != null) {
            return refusal;
        }
        View numbers = View.unbound(DType.F32, spec.maxRows());
        View integers = View.unbound(DType.I32, spec.maxRows());
        boolean random = spec.random();
        return Composed.decide(
                platform,
                random ? RANDOM : GREEDY,
                Composed.rows(DType.F32),
                new Views(
                        View.unbound(spec.logits(), spec.maxRows(), spec.vocab()),
                        random ? numbers : null,
                        random ? numbers : null,
                        random ? integers : null,
                        random ? View.unbound(DType.I64, spec.maxRows()) : null,
                        random ? integers : null,
                        integers,
                        View.unbound(DType.I32, 1)),
                args ->
                        new Views(
                                View.of(args.logits()),
                                Composed.optional(args.temperature()),
                                Composed.optional(args.topP()),
                                Composed.optional(args.topK()),
                                Composed.optional(args.seed()),
                                Composed.optional(args.position()),
                                View.of(args.ids()),
                                Composed.optional(args.activeRows())),
                (c, views) -> {
                    if (views.ids().dim(0) > 0) {
                        compose(c, random, views);
                    }
                });
    }

    private static void compose(Composition c, boolean random, Views views) {
        long rows = views.ids().dim(0);
        View logits = c.dense(c.as(AclDataType.FLOAT, views.logits()));
        RankedLogits ranked = RankedLogits.of(c, logits);
        countEmpty(c, ranked, views.activeRows());
        View chosen = ranked.first(c);
        if (random) {
            View drawn = draw(c, ranked, logits, views);
            View either = c.scratch(AclDataType.INT32, rows, 1);
            c.select(greedyRows(c, ranked, views.temperature()), chosen, drawn, either);
            chosen = either;
        }
        c.convert(chosen.reshape(rows), views.ids());
    }

    /// Counts the live rows that are all NaN in the fault word.
    private static void countEmpty(Composition c, RankedLogits ranked, @Nullable View activeRows) {
        long rows = ranked.largest().dim(0);
        View empty = c.scratch(AclDataType.INT32, rows);
        c.convert(c.equal(ranked.largest().reshape(rows), RankedLogits.NAN), empty);
        if (activeRows != null) {
            c.fillWhere(empty, RowBounds.dead(c, rows, activeRows), 0);
        }
        View count = c.scratch(AclDataType.INT32, 1, 1);
        c.sumRows(empty.reshape(1, rows), count);
        c.addTo(View.faultWord(), count.reshape(1), 1);
    }

    /// {@return which rows take the first candidate: those without temperature, and those whose
    /// largest logit is not finite; BOOL `[R, 1]`}
    private static View greedyRows(Composition c, RankedLogits ranked, @Nullable View temperature) {
        long rows = ranked.largest().dim(0);
        View reasons = c.scratch(AclDataType.INT32, rows, 1);
        c.convert(ranked.isInfinite(c), reasons);
        if (temperature != null) {
            View cold = c.scratch(AclDataType.INT32, rows, 1);
            c.convert(c.equal(c.greater(temperature.unsqueeze(1), 0), 0), cold);
            c.addTo(reasons, cold, 1);
        }
        return c.greater(reasons, 0);
    }

    /// {@return a token drawn for every row, INT32 `[R, 1]`; anything where the row is greedy}
    private static View draw(Composition c, RankedLogits ranked, View logits, Views views) {
        long rows = logits.dim(0);
        long vocab = logits.dim(1);
        View probabilities = c.scratch(AclDataType.FLOAT, rows, vocab);
        exponentials(c, ranked, logits, views.temperature(), probabilities);
        if (views.topK() != null || views.topP() != null) {
            cut(c, ranked, views.topK(), views.topP(), probabilities);
        }
        View sums = c.scratch(AclDataType.FLOAT, rows, vocab);
        c.call(Operator.CUMSUM, probabilities, 1, AclDataType.FLOAT.value(), sums);
        View target = c.scratch(AclDataType.FLOAT, rows, 1);
        c.multiply(
                SplitMix.uniform(
                        c,
                        Objects.requireNonNull(views.seed()),
                        Objects.requireNonNull(views.position())),
                sums.slice(1, vocab - 1, vocab),
                target);
        c.addTo(sums, target, -1);
        View id = RankedLogits.firstWhere(c, c.greater(sums, 0));
        // Rounding may keep the sum short: then the last that stayed.
        View last = RankedLogits.lastWhere(c, c.greater(probabilities, 0));
        View either = c.scratch(AclDataType.INT32, rows, 1);
        c.select(c.equal(id, vocab), last, id, either);
        return either;
    }

    /// Writes every candidate's probability, not divided by their sum; 0 for NaN.
    private static void exponentials(
            Composition c, RankedLogits ranked, View logits, @Nullable View temperature, View out) {
        long rows = logits.dim(0);
        c.copy(logits, out);
        View missing = c.equal(ranked.keys(), RankedLogits.NAN);
        c.fillWhere(out, missing, Double.NEGATIVE_INFINITY);
        View largest = c.scratch(AclDataType.FLOAT, rows, 1);
        c.largestInRows(out, largest);
        c.addTo(out, largest, -1);
        if (temperature != null) {
            View factor = c.scratch(AclDataType.FLOAT, rows, 1);
            c.convert(temperature.unsqueeze(1), factor);
            c.reciprocal(factor);
            c.fillWhere(factor, c.equal(factor, 0), Float.MIN_NORMAL);
            c.fillWhere(factor, c.greater(factor, Float.MAX_VALUE), Float.MAX_VALUE);
            c.multiplyBy(out, factor);
        }
        c.exponential(out);
        c.fillWhere(out, missing, 0);
    }

    /// Sets the probabilities of those to 0 that top-k or top-p leaves out.
    private static void cut(
            Composition c,
            RankedLogits ranked,
            @Nullable View topK,
            @Nullable View topP,
            View probabilities) {
        long rows = probabilities.dim(0);
        long vocab = probabilities.dim(1);
        View order = ranked.order(c);
        View sorted = c.scratch(AclDataType.FLOAT, rows, vocab);
        c.call(Operator.GATHER, probabilities, 1, order, sorted);
        View stays = c.scratch(AclDataType.FLOAT, rows, vocab);
        c.fill(stays, 1);
        if (topK != null) {
            View count = c.scratch(AclDataType.INT32, rows, 1);
            c.copy(topK.unsqueeze(1), count);
            c.fillWhere(count, c.equal(c.greater(count, 0), 0), vocab);
            View behind = c.scratch(AclDataType.INT32, rows, vocab);
            c.fill(behind, 0);
            c.addTo(behind, RowBounds.numbers(c, vocab), 1);
            c.addTo(behind, count, -1);
            View out = c.greater(behind, -1);
            c.fillWhere(sorted, out, 0);
            c.fillWhere(stays, out, 0);
        }
        if (topP != null) {
            keepMass(c, sorted, topP, stays);
        }
        View place = c.scratch(AclDataType.INT64, rows, vocab);
        c.call(Operator.ARGSORT, order, 1, false, place);
        View staysById = c.scratch(AclDataType.FLOAT, rows, vocab);
        c.call(Operator.GATHER, stays, 1, place, staysById);
        c.multiplyBy(probabilities, staysById);
    }

    /// Keeps the shortest prefix of the sorted probabilities that adds up to at least the mass, and
    /// always the first: each stays whose predecessors fall short.
    private static void keepMass(Composition c, View sorted, View topP, View stays) {
        long rows = sorted.dim(0);
        long vocab = sorted.dim(1);
        View sums = c.scratch(AclDataType.FLOAT, rows, vocab);
        c.call(Operator.CUMSUM, sorted, 1, AclDataType.FLOAT.value(), sums);
        View mass = topP.unsqueeze(1);
        View goal = c.scratch(AclDataType.FLOAT, rows, 1);
        c.multiply(mass, sums.slice(1, vocab - 1, vocab), goal);
        View negative = c.scratch(AclDataType.FLOAT, rows, 1);
        c.multiply(mass, -1, negative);
        c.fillWhere(goal, c.equal(c.greater(negative, -1), 0), Double.POSITIVE_INFINITY);
        View shortfall = c.scratch(AclDataType.FLOAT, rows, vocab);
        c.fill(shortfall, 0);
        c.addTo(shortfall, goal, 1);
        c.addTo(shortfall.slice(1, 1, vocab), sums.slice(1, 0, vocab - 1), -1);
        c.fillWhere(stays, c.equal(c.greater(shortfall, 0), 0), 0);
        c.fill(stays.slice(1, 0, 1), 1);
    }
}
