package dev.halcyon.backend.ascend.kernels;

import dev.halcyon.backend.ascend.acl.AclDataType;
import dev.halcyon.backend.ascend.acl.Operator;
import dev.halcyon.backend.ascend.operators.Composition;
import dev.halcyon.backend.ascend.operators.View;

/// Logits as integers in the same order: the bits of a binary32 number, counted down from zero if
/// it is negative, so that both zeros are one and NaN is below everything.
///
/// CANN does not say where its sorts and maxima put NaN, and among integers there is none.
///
/// @param keys INT32 `[R, vocab]`
/// @param largest of each row, INT32 `[R, 1]`
record RankedLogits(View keys, View largest) {
    /// The key of NaN, one below that of minus infinity.
    static final int NAN = -0x7f80_0001;

    private static final int INFINITY = 0x7f80_0000;

    /// {@return ranked logits}
    ///
    /// @param logits FLOAT, contiguous
    static RankedLogits of(Composition c, View logits) {
        View keys = c.scratch(AclDataType.INT32, logits.dims());
        long mark = c.mark();
        View bits = c.scratch(AclDataType.INT64, logits.dims());
        c.convert(logits.as(AclDataType.INT32), bits);
        View negative = c.scratch(AclDataType.INT64, logits.dims());
        c.multiply(bits, -1, negative);
        View isNegative = c.greater(negative, 0);
        c.addTo(negative, Integer.MIN_VALUE);
        View wide = c.scratch(AclDataType.INT64, logits.dims());
        c.select(isNegative, negative, bits, wide);
        c.multiply(wide, -1, negative);
        View above = c.greater(wide, INFINITY);
        c.fillWhere(wide, above, NAN);
        c.fillWhere(wide, c.greater(negative, INFINITY), NAN);
        c.convert(wide, keys);
        c.release(mark);
        View largest = c.scratch(AclDataType.INT32, logits.dim(0), 1);
        c.largestInRows(keys, largest);
        return new RankedLogits(keys, largest);
    }

    /// {@return the first candidate of every row, INT32 `[R, 1]`}
    View first(Composition c) {
        View distance = c.scratch(AclDataType.INT64, keys.dims());
        c.convert(keys, distance);
        c.addTo(distance, largest, -1);
        return firstWhere(c, c.equal(distance, 0));
    }

    /// {@return the first index where the mask is true, the row's length if nowhere; INT32 `[R,
    /// 1]`}
    static View firstWhere(Composition c, View mask) {
        return extreme(c, mask, -1, mask.dim(1));
    }

    /// {@return the last index where the mask is true, 0 if nowhere; INT32 `[R, 1]`}
    static View lastWhere(Composition c, View mask) {
        return extreme(c, mask, 1, 0);
    }

    private static View extreme(Composition c, View mask, int sign, long absent) {
        View index = c.scratch(AclDataType.INT32, mask.dim(0), 1);
        long mark = c.mark();
        View candidates = c.scratch(AclDataType.INT32, mask.dims());
        c.fill(candidates, 0);
        c.addTo(candidates, RowBounds.numbers(c, mask.dim(1)), sign);
        c.fillWhere(candidates, c.equal(mask, 0), sign * absent);
        View best = c.scratch(AclDataType.INT32, mask.dim(0), 1);
        c.largestInRows(candidates, best);
        c.multiply(best, sign, index);
        c.release(mark);
        return index;
    }

    /// {@return the rows whose largest logit is infinite or NaN, BOOL `[R, 1]`}
    View isInfinite(Composition c) {
        View magnitudes = c.scratch(AclDataType.INT32, 2, largest.dim(0), 1);
        c.copy(largest, magnitudes.get(0));
        c.multiply(largest, -1, magnitudes.get(1));
        View most = c.scratch(AclDataType.INT32, 1, largest.dim(0), 1);
        c.call(Operator.AMAX, magnitudes, new long[] {0}, true, most);
        return c.greater(most.get(0), INFINITY - 1);
    }

    /// {@return the candidates of every row in order, INT64}
    View order(Composition c) {
        View sorted = c.scratch(AclDataType.INT32, keys.dims());
        View order = c.scratch(AclDataType.INT64, keys.dims());
        c.call(Operator.SORT, keys, true, 1, true, sorted, order);
        return order;
    }
}
