package dev.halcyon.backend.ascend.kernels;

import dev.halcyon.backend.ascend.acl.AclDataType;
import dev.halcyon.backend.ascend.acl.Operator;
import dev.halcyon.backend.ascend.operators.Composition;
import dev.halcyon.backend.ascend.operators.View;

import org.jspecify.annotations.Nullable;

import java.util.Objects;

/// Attention of groups of lanes that takes its keys piece by piece: normalised outputs so far and
/// the log-sum-exp of the logits behind them, in F32.
///
/// There is no operator for a logarithm or for the larger of two numbers; both come out of
/// reductions, `log Σ exp(z) = max(z) - max(log softmax(z))`. A pair that is not visible has the
/// logit [#HIDDEN], which is finite so that no operator meets infinity minus infinity; merging a
/// piece of such pairs changes no bit.
final class RunningSoftmax {
    /// The logit of a pair that is not visible.
    static final double HIDDEN = -1e30;

    /// Smaller than every logit, and larger than what sums of hidden ones come to.
    private static final double SEEN = -1e29;

    private final Composition c;
    private final long groups;
    private final long lanes;
    private final View sum;
    private final View part;
    private final View lse;
    private final View pair;
    private final View shares;
    private final View larger;
    private final View smaller;
    private final @Nullable View top;

    /// Begins with no keys.
    ///
    /// @param groups sets of lanes with keys of their own
    /// @param lanes queries times heads
    /// @param width values a lane
    /// @param wantsTop whether the largest logit is asked for
    RunningSoftmax(Composition c, long groups, long lanes, long width, boolean wantsTop) {
        this.c = c;
        this.groups = groups;
        this.lanes = lanes;
        this.sum = c.scratch(AclDataType.FLOAT, groups, lanes, width);
        this.part = c.scratch(AclDataType.FLOAT, groups, lanes, width);
        this.lse = c.scratch(AclDataType.FLOAT, groups, lanes, 1);
        this.pair = c.scratch(AclDataType.FLOAT, groups, lanes, 2);
        this.shares = c.scratch(AclDataType.FLOAT, groups, lanes, 2);
        this.larger = c.scratch(AclDataType.FLOAT, groups, lanes, 1);
        this.smaller = c.scratch(AclDataType.FLOAT, groups, lanes, 1);
        this.top = wantsTop ? c.scratch(AclDataType.FLOAT, groups, lanes, 1) : null;
        c.fill(sum, 0);
        c.fill(lse, HIDDEN);
        if (top != null) {
            c.fill(top, HIDDEN);
        }
    }

    /// Takes more keys in.
    ///
    /// @param logits FLOAT `[groups, lanes, keys]`, those of hidden pairs [#HIDDEN]
    /// @param values FLOAT `[groups, keys, width]`, of any strides; those that nobody sees finite
    void absorb(View logits, View values) {
        long mark = c.mark();
        View logs = c.scratch(AclDataType.FLOAT, logits.dims());
        c.largestInRows(logits, larger);
        if (top != null) {
            c.copy(top, pair.slice(2, 0, 1));
            c.copy(larger, pair.slice(2, 1, 2));
            c.largestInRows(pair, top);
        }
        c.call(Operator.LOG_SOFTMAX, logits, -1, logs);
        c.largestInRows(logs, smaller);
        c.addTo(larger, smaller, -1);
        c.exponential(logs);
        c.product(logs, values, part);
        merge(larger, part);
        c.release(mark);
    }

    /// Takes in what was computed elsewhere.
    ///
    /// @param other log-sum-exp, FLOAT `[groups, lanes, 1]`; [#HIDDEN] where there are no keys
    /// @param outputs FLOAT `[groups, lanes, width]`, finite where there are no keys; overwritten
    void merge(View other, View outputs) {
        weigh(other);
        c.multiplyBy(sum, shares.slice(2, 0, 1));
        c.multiplyBy(outputs, shares.slice(2, 1, 2));
        c.addTo(sum, outputs, 1);
        c.largestInRows(pair, lse);
        c.addTo(lse, larger, -1);
    }

    /// Sets `pair` to the log-sum-exp so far and another, `shares` to the softmax of both, and
    /// `larger` to the largest logarithm of a share.
    private void weigh(View other) {
        c.copy(lse, pair.slice(2, 0, 1));
        c.copy(other, pair.slice(2, 1, 2));
        c.call(Operator.LOG_SOFTMAX, pair, -1, shares);
        c.largestInRows(shares, larger);
        c.exponential(shares);
    }

    /// Writes the results.
    ///
    /// @param sink FLOAT, of the first two dimensions of `out` or 1 where it is the same for all
    /// @param out of three dimensions, which in row-major order are groups, lanes and width
    /// @param logSumExp FLOAT, the first two dimensions of `out`
    void finish(@Nullable View sink, View out, @Nullable View logSumExp) {
        long mark = c.mark();
        View seen = c.scratch(AclDataType.INT32, groups, lanes, 1);
        c.convert(c.greater(lse, SEEN), seen);
        View unseen = c.equal(seen, 0);
        if (sink != null) {
            View logit = c.scratch(AclDataType.FLOAT, out.dim(0), out.dim(1));
            c.fill(logit, 0);
            c.addTo(logit, bounded(sink), 1);
            weigh(logit.reshape(groups, lanes, 1));
            c.multiplyBy(sum, shares.slice(2, 0, 1));
        }
        c.fillWhere(sum, unseen, 0);
        c.convert(sum.reshape(out.dims()), out);
        if (logSumExp != null) {
            c.fillWhere(lse, unseen, Double.POSITIVE_INFINITY);
            c.convert(lse.reshape(out.dim(0), out.dim(1)), logSumExp);
        }
        c.release(mark);
    }

    /// A sink of plus infinity takes everything; so does one that is finite and large enough.
    private View bounded(View sink) {
        View logits = c.scratch(AclDataType.FLOAT, sink.dims());
        c.copy(sink, logits);
        c.fillWhere(logits, c.greater(logits, -HIDDEN), -HIDDEN);
        return logits;
    }

    /// {@return the largest logit of each lane, [#HIDDEN] where nothing was seen}
    ///
    /// @param dims which in row-major order are groups and lanes
    View top(long... dims) {
        return Objects.requireNonNull(top, "made without the largest logit").reshape(dims);
    }

    /// The largest of each column; minus infinity where nothing was seen.
    static void writeLargest(Composition c, View rows, View into) {
        long mark = c.mark();
        View most = c.scratch(AclDataType.FLOAT, into.dim(0));
        largest(c, rows, most);
        View seen = c.scratch(AclDataType.INT32, into.dim(0));
        c.convert(c.greater(most, SEEN), seen);
        c.fillWhere(most, c.equal(seen, 0), Double.NEGATIVE_INFINITY);
        c.copy(most, into);
        c.release(mark);
    }

    /// The largest of each column, FLOAT.
    static void largest(Composition c, View rows, View into) {
        View kept = c.scratch(AclDataType.FLOAT, 1, rows.dim(1));
        c.call(Operator.AMAX, rows, new long[] {0}, true, kept);
        c.copy(kept.reshape(rows.dim(1)), into);
    }
}
