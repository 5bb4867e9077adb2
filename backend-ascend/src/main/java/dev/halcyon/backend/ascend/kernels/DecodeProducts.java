package dev.halcyon.backend.ascend.kernels;

import dev.halcyon.backend.ascend.acl.AclDataType;
import dev.halcyon.backend.ascend.operators.Composition;
import dev.halcyon.backend.ascend.operators.View;
import dev.halcyon.hal.kernel.attention.MlaDecode;

import java.util.stream.IntStream;

/// A decode step by products over runs of pages, in F32, with a running softmax.
///
/// The lengths stay on the device, so every run of the block table is computed and what lies behind
/// a length is masked: the work is that of full block tables.
final class DecodeProducts {
    /// What the intermediates of a run of pages may take.
    private static final long RUN_BYTES = 128L << 20;

    /// Rows that a run has at most, and exactly when results may not depend on the batch.
    private static final int RUN_ROWS = 512;

    private DecodeProducts() {}

    /// {@return columns of the block table that a run has}
    private static long runColumns(MlaDecode spec) {
        long columns = Math.max(1, RUN_ROWS / spec.cache().rowsPerPage());
        return spec.batchInvariant() ? columns : Math.min(columns, spec.maxPagesPerSequence());
    }

    /// {@return sequences that are computed at a time}
    private static long together(MlaDecode spec, long sequences) {
        if (spec.batchInvariant()) {
            return 1;
        }
        long rows = runColumns(spec) * spec.cache().rowsPerPage();
        long lanes = (long) spec.queriesPerSequence() * spec.heads();
        long bytes =
                Float.BYTES
                        * (2 * rows * spec.cache().rowDim()
                                + lanes
                                        * (2 * rows
                                                + 2L * spec.latentDim()
                                                + spec.cache().rowDim()));
        return Math.clamp(RUN_BYTES / bytes, 1, sequences);
    }

    static void compose(Composition c, MlaDecode spec, DecodeViews views) {
        long sequences = views.lengths().dim(0);
        long blocks = 0;
        View maxima = null;
        if (sequences > 0) {
            long step = together(spec, sequences);
            blocks = Math.ceilDiv(sequences, step);
            maxima = c.scratch(AclDataType.FLOAT, blocks, spec.heads());
            attend(c, spec, views, step, maxima);
        }
        View wanted = views.maxLogit();
        if (wanted != null && maxima != null) {
            RunningSoftmax.writeLargest(c, maxima, wanted);
        } else if (wanted != null) {
            c.fill(wanted, Double.NEGATIVE_INFINITY);
        }
    }

    private static void attend(
            Composition c, MlaDecode spec, DecodeViews views, long step, View maxima) {
        long sequences = views.lengths().dim(0);
        long run = runColumns(spec);
        long columns = Math.ceilDiv(spec.maxPagesPerSequence(), run) * run;
        CachePages all =
                CachePages.checked(
                        c,
                        spec,
                        views.cache(),
                        views.blockTable(),
                        views.lengths(),
                        views.activeRows(),
                        spec.batchInvariant() ? columns : spec.maxPagesPerSequence());
        View numbers = RowBounds.numbers(c, run * spec.cache().rowsPerPage());
        long each = spec.queriesPerSequence();
        for (long from = 0; from < sequences; from += step) {
            long end = Math.min(sequences, from + step);
            long mark = c.mark();
            long lanes = each * spec.heads();
            View query =
                    c.scratch(
                            AclDataType.FLOAT,
                            (end - from) * each,
                            spec.heads(),
                            spec.cache().rowDim());
            c.convert(views.query().slice(0, from * each, end * each), query);
            RunningSoftmax softmax =
                    new RunningSoftmax(
                            c, end - from, lanes, spec.latentDim(), views.maxLogit() != null);
            attend(
                    c,
                    spec,
                    query.reshape(end - from, lanes, spec.cache().rowDim()),
                    all.of(from, end),
                    numbers,
                    softmax);
            View lse = views.logSumExp();
            softmax.finish(
                    views.sink() == null ? null : views.sink().unsqueeze(0),
                    views.out().slice(0, from * each, end * each),
                    lse == null ? null : lse.slice(0, from * each, end * each));
            if (views.maxLogit() != null) {
                View ofLanes = softmax.top((end - from) * each, spec.heads());
                RunningSoftmax.largest(c, ofLanes, maxima.get(from / step));
            }
            c.release(mark);
            if (!c.isBound()) {
                // Later blocks need no more scratch than the first.
                return;
            }
        }
    }

    private static void attend(
            Composition c,
            MlaDecode spec,
            View query,
            CachePages pages,
            View numbers,
            RunningSoftmax softmax) {
        long sequences = query.dim(0);
        long each = spec.queriesPerSequence();
        long run = runColumns(spec);
        long columns = pages.page().dim(1);
        for (long first = 0; first < columns; first += run) {
            long mark = c.mark();
            long end = Math.min(columns, first + run);
            long rows = (end - first) * spec.cache().rowsPerPage();
            CachePages.Rows keys = pages.gather(c, first, end, numbers.slice(0, 0, rows));
            View logits = c.scratch(AclDataType.FLOAT, sequences, query.dim(1), rows);
            c.product(query, keys.content().transpose(1, 2), logits);
            c.multiplyBy(logits, spec.softmaxScale());
            View distance = keys.distance().reshape(sequences, 1, rows);
            if (each > 1) {
                View own = c.scratch(AclDataType.INT32, sequences, each, rows);
                c.add(distance, behindLast(c, spec).reshape(1, each, 1), 1, own);
                distance = own;
            }
            c.fillWhere(
                    logits.reshape(sequences, each, spec.heads(), rows),
                    c.greater(distance, -1).unsqueeze(2),
                    RunningSoftmax.HIDDEN);
            softmax.absorb(logits, keys.content().slice(2, 0, spec.latentDim()));
            c.release(mark);
            if (!c.isBound()) {
                return;
            }
        }
    }

    /// {@return how many rows fewer than the last query each query of a sequence sees}
    private static View behindLast(Composition c, MlaDecode spec) {
        int queries = spec.queriesPerSequence();
        return c.table(
                queries + " queries from the last",
                IntStream.range(0, queries).map(i -> queries - 1 - i).toArray());
    }
}
