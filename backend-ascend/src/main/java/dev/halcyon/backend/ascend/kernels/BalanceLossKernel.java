package dev.halcyon.backend.ascend.kernels;

import dev.halcyon.backend.ascend.acl.AclDataType;
import dev.halcyon.backend.ascend.acl.Operator;
import dev.halcyon.backend.ascend.operators.AscendWork;
import dev.halcyon.backend.ascend.operators.Composition;
import dev.halcyon.backend.ascend.operators.Platform;
import dev.halcyon.backend.ascend.operators.View;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.kernel.moe.BalanceLoss;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.util.List;

/// [BalanceLoss]: which token is of which sequence is a matrix of zeros and ones, whose product
/// with the normalised scores and with the choices sums both by sequence at once.
record BalanceLossKernel(Platform platform)
        implements Kernel<BalanceLoss, BalanceLoss.Args, AscendWork> {
    private static final String NAME = "balance-loss.product";

    private record Views(View scores, View indices, View sequenceStart, View loss) {}

    @Override
    public Class<BalanceLoss> specType() {
        return BalanceLoss.class;
    }

    @Override
    public List<String> implementations() {
        return List.of(NAME);
    }

    @Override
    public Decision<BalanceLoss.Args, AscendWork> decide(BalanceLoss spec, Limits limits) {
        return Composed.decide(
                platform,
                NAME,
                Composed.reductions(DType.F32),
                new Views(
                        View.unbound(DType.F32, spec.maxTokens(), spec.experts()),
                        View.unbound(DType.I32, spec.maxTokens(), spec.topK()),
                        View.unbound(DType.I32, spec.maxSequences() + 1),
                        View.unbound(DType.F32, 1)),
                args ->
                        new Views(
                                View.of(args.scores()),
                                View.of(args.indices()),
                                View.of(args.sequenceStart()),
                                View.of(args.loss())),
                (c, views) -> compose(c, spec, views));
    }

    private static void compose(Composition c, BalanceLoss spec, Views views) {
        long tokens = views.scores().dim(0);
        long sequences = views.sequenceStart().dim(0) - 1;
        if (sequences == 0) {
            c.fill(views.loss(), 0);
            return;
        }
        View first = views.sequenceStart().slice(0, 0, sequences);
        View length = c.scratch(AclDataType.INT32, sequences);
        c.add(views.sequenceStart().slice(0, 1, sequences + 1), first, -1, length);
        Segments segments = Segments.checked(c, first, length, tokens);
        if (tokens == 0) {
            c.fill(views.loss(), 0);
            return;
        }
        View members = members(c, segments, tokens);
        View outside = outside(c, members);
        View both = c.scratch(AclDataType.FLOAT, 2, tokens, spec.experts());
        shares(c, views.scores(), outside, both.get(0));
        choices(c, spec, views.indices(), outside, both.get(1));
        View share = c.scratch(AclDataType.FLOAT, sequences, spec.experts());
        View count = c.scratch(AclDataType.FLOAT, sequences, spec.experts());
        c.product(members, both.get(0), share);
        c.product(members, both.get(1), count);
        c.multiplyBy(share, count);
        View losses = c.scratch(AclDataType.FLOAT, sequences, 1);
        c.sumRows(share, losses);
        average(c, spec, losses, segments.count(), views.loss());
    }

    /// {@return which token is of which sequence, FLOAT `[B, T]` of zeros and ones}
    private static View members(Composition c, Segments segments, long tokens) {
        long sequences = segments.start().dim(0);
        View members = c.scratch(AclDataType.FLOAT, sequences, tokens);
        long mark = c.mark();
        View place = c.scratch(AclDataType.INT64, sequences, tokens);
        c.fill(place, 0);
        c.addTo(place, RowBounds.numbers(c, tokens), 1);
        c.addTo(place, segments.start().unsqueeze(1), -1);
        c.convert(c.greater(place, -1), members);
        c.multiplyBy(place, -1);
        c.addTo(place, segments.count().unsqueeze(1), 1);
        View before = c.scratch(AclDataType.FLOAT, sequences, tokens);
        c.convert(c.greater(place, 0), before);
        c.multiplyBy(members, before);
        c.release(mark);
        return members;
    }

    /// {@return which tokens are of no sequence, BOOL `[T, 1]`}
    private static View outside(Composition c, View members) {
        View of = c.scratch(AclDataType.FLOAT, 1, members.dim(1));
        c.reduceSum(members, new long[] {0}, of);
        return c.equal(of, 0).reshape(members.dim(1), 1);
    }

    /// Writes scores divided by their sum, zeros for tokens of no sequence.
    private static void shares(Composition c, View scores, View outside, View out) {
        c.convert(scores, out);
        View sum = c.scratch(AclDataType.FLOAT, scores.dim(0), 1);
        c.sumRows(out, sum);
        c.divideBy(out, sum);
        c.fillWhere(out, outside, 0);
    }

    /// Writes how often each token chose each expert.
    private static void choices(
            Composition c, BalanceLoss spec, View indices, View outside, View out) {
        long tokens = indices.dim(0);
        int experts = spec.experts();
        View live = c.scratch(AclDataType.INT32, indices.dims());
        c.copy(indices, live);
        c.fillWhere(live, outside, -1);
        View checked = c.scratch(AclDataType.INT32, indices.dims());
        c.checkIndices(live, experts, -1, experts, checked);
        View places = c.scratch(AclDataType.INT64, indices.dims());
        c.convert(checked, places);
        View ones = c.scratch(AclDataType.FLOAT, indices.dims());
        c.fill(ones, 1);
        View zeros = c.scratch(AclDataType.FLOAT, tokens, experts + 1);
        c.fill(zeros, 0);
        View counts = c.scratch(AclDataType.FLOAT, tokens, experts + 1);
        c.call(Operator.SCATTER_ADD, zeros, 1, places, ones, counts);
        c.copy(counts.slice(1, 0, experts), out);
    }

    /// Writes the mean over the sequences that have tokens.
    ///
    /// @param sums choices times shares of each sequence, FLOAT `[B, 1]`
    /// @param lengths INT64 `[B]`
    private static void average(
            Composition c, BalanceLoss spec, View sums, View lengths, View loss) {
        long sequences = lengths.dim(0);
        View length = c.scratch(AclDataType.FLOAT, sequences, 1);
        c.convert(lengths.unsqueeze(1), length);
        View empty = c.equal(length, 0);
        c.divideBy(sums, length);
        c.divideBy(sums, length);
        c.fillWhere(sums, empty, 0);
        View counted = c.scratch(AclDataType.FLOAT, sequences, 1);
        c.convert(c.greater(length, 0), counted);
        View total = c.scratch(AclDataType.FLOAT, 1, 1);
        c.sumRows(sums.reshape(1, sequences), total);
        View number = c.scratch(AclDataType.FLOAT, 1, 1);
        c.sumRows(counted.reshape(1, sequences), number);
        c.fillWhere(number, c.equal(number, 0), 1);
        c.divideBy(total, number);
        c.multiplyBy(total, spec.alpha() * spec.experts() / spec.topK());
        c.convert(total.reshape(1), loss);
    }
}
