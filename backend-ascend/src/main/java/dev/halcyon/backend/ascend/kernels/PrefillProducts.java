package dev.halcyon.backend.ascend.kernels;

import dev.halcyon.backend.ascend.acl.AclDataType;
import dev.halcyon.backend.ascend.operators.Composition;
import dev.halcyon.backend.ascend.operators.View;
import dev.halcyon.hal.kernel.attention.MlaPrefill;

/// Prefill by products of tiles, in F32, with a running softmax.
///
/// The device alone knows where sequences begin, so every query tile meets every key tile and pairs
/// that do not see each other are masked.
final class PrefillProducts {
    private static final long TILE_BYTES = 128L << 20;
    private static final long TILE_KEYS = 512;
    private static final long TILE_QUERIES = 512;

    private PrefillProducts() {}

    static void compose(Composition c, MlaPrefill spec, PrefillViews views) {
        long queries = views.query().dim(0);
        long keys = views.key().dim(0);
        VisibleKeys visible =
                VisibleKeys.checked(
                        c, views.queryStart(), views.keyStart(), queries, keys, spec.causal());
        View wanted = views.maxLogit();
        if (queries == 0) {
            if (wanted != null) {
                c.fill(wanted, Double.NEGATIVE_INFINITY);
            }
            return;
        }
        long step = tileQueries(spec, queries, keys);
        View maxima = c.scratch(AclDataType.FLOAT, Math.ceilDiv(queries, step), spec.heads());
        View numbers = RowBounds.numbers(c, keys);
        for (long from = 0; from < queries; from += step) {
            long end = Math.min(queries, from + step);
            long mark = c.mark();
            RunningSoftmax softmax =
                    new RunningSoftmax(
                            c, spec.heads(), end - from, spec.valueDim(), wanted != null);
            attend(c, spec, views, visible, numbers, from, end, softmax);
            View lse = views.logSumExp();
            View sink = views.sink();
            softmax.finish(
                    sink == null ? null : sink.unsqueeze(1),
                    views.out().slice(0, from, end).transpose(0, 1),
                    lse == null ? null : lse.slice(0, from, end).transpose(0, 1));
            if (wanted != null) {
                View row = maxima.get(from / step).reshape(spec.heads(), 1);
                c.largestInRows(softmax.top(spec.heads(), end - from), row);
            }
            c.release(mark);
            if (!c.isBound()) {
                break;
            }
        }
        if (wanted != null) {
            RunningSoftmax.writeLargest(c, maxima, wanted);
        }
    }

    private static long tileQueries(MlaPrefill spec, long queries, long keys) {
        long rows = Math.clamp(keys, 1, TILE_KEYS);
        long width = spec.nopeDim() + (long) spec.ropeDim();
        long each = Float.BYTES * spec.heads() * (3 * rows + 2L * spec.valueDim() + 2 * width);
        return Math.clamp(TILE_BYTES / each, 1, Math.min(queries, TILE_QUERIES));
    }

    private static void attend(
            Composition c,
            MlaPrefill spec,
            PrefillViews views,
            VisibleKeys visible,
            View numbers,
            long from,
            long end,
            RunningSoftmax softmax) {
        long keys = views.key().dim(0);
        View query = views.query().slice(0, from, end).transpose(0, 1);
        View nope = floats(c, query.slice(2, 0, spec.nopeDim()));
        View rope =
                floats(c, query.slice(2, spec.nopeDim(), spec.nopeDim() + (long) spec.ropeDim()));
        for (long first = 0; first < keys; first += TILE_KEYS) {
            long last = Math.min(keys, first + TILE_KEYS);
            long mark = c.mark();
            View key = floats(c, views.key().slice(0, first, last).transpose(0, 1));
            View value = floats(c, views.value().slice(0, first, last).transpose(0, 1));
            View loose = visible.isLoose().slice(0, first, last);
            c.fillWhere(value, loose.reshape(1, last - first, 1), 0);
            View logits = c.scratch(AclDataType.FLOAT, spec.heads(), end - from, last - first);
            c.product(nope, key.transpose(1, 2), logits);
            addRope(c, spec, rope, views.ropeKey().slice(0, first, last), logits);
            c.multiplyBy(logits, spec.softmaxScale());
            visible.hide(c, logits, from, numbers.slice(0, first, last));
            softmax.absorb(logits, value);
            c.release(mark);
            if (!c.isBound()) {
                return;
            }
        }
    }

    /// Adds the rotated parts' share; all heads have one key, so it is one product.
    private static void addRope(
            Composition c, MlaPrefill spec, View rope, View ropeKey, View logits) {
        if (spec.ropeDim() == 0) {
            return;
        }
        long mark = c.mark();
        long lanes = rope.dim(0) * rope.dim(1);
        View keys = floats(c, ropeKey);
        View share = c.scratch(AclDataType.FLOAT, lanes, logits.dim(2));
        c.product(rope.reshape(lanes, spec.ropeDim()), keys.transpose(0, 1), share);
        c.addTo(logits, share.reshape(logits.dims()), 1);
        c.release(mark);
    }

    private static View floats(Composition c, View x) {
        View dense = c.scratch(AclDataType.FLOAT, x.dims());
        c.convert(x, dense);
        return dense;
    }
}
