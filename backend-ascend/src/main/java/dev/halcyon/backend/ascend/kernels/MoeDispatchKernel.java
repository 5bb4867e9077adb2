package dev.halcyon.backend.ascend.kernels;

import dev.halcyon.backend.ascend.acl.AclDataType;
import dev.halcyon.backend.ascend.acl.Operator;
import dev.halcyon.backend.ascend.operators.AscendWork;
import dev.halcyon.backend.ascend.operators.Composition;
import dev.halcyon.backend.ascend.operators.Platform;
import dev.halcyon.backend.ascend.operators.View;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Support;
import dev.halcyon.hal.kernel.moe.MoeDispatch;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import org.jspecify.annotations.Nullable;

import java.util.List;
import java.util.stream.IntStream;

/// [MoeDispatch] by a stable sort of the choices by expert; nothing is read back to the host.
///
/// Choices that get no row count as those of one expert more, which sorts last and whose rows go to
/// a place behind the mapping.
record MoeDispatchKernel(Platform platform)
        implements Kernel<MoeDispatch, MoeDispatch.Args, AscendWork> {
    private static final String NAME = "moe-dispatch.sort";
    private static final int MOST_EXPERTS = 2047;

    private record Views(
            View indices,
            View segmentStart,
            View segmentCount,
            View rowToken,
            View rowSlot,
            View tokenRow,
            @Nullable View activeRows) {}

    @Override
    public Class<MoeDispatch> specType() {
        return MoeDispatch.class;
    }

    @Override
    public List<String> implementations() {
        return List.of(NAME);
    }

    @Override
    public Decision<MoeDispatch.Args, AscendWork> decide(MoeDispatch spec, Limits limits) {
        if (spec.localExperts() > MOST_EXPERTS) {
            return Decision.refused(
                    Support.Reason.SHAPE,
                    spec.localExperts() + " local experts are more than CANN counts",
                    "at most " + MOST_EXPERTS);
        }
        View experts = View.unbound(DType.I32, spec.localExperts());
        View rows = View.unbound(DType.I32, spec.maxRows());
        View choices = View.unbound(DType.I32, spec.maxTokens(), spec.topK());
        return Composed.decide(
                platform,
                NAME,
                Composed.rows(DType.F32),
                new Views(
                        choices, experts, experts, rows, rows, choices, View.unbound(DType.I32, 1)),
                args ->
                        new Views(
                                View.of(args.indices()),
                                View.of(args.segmentStart()),
                                View.of(args.segmentCount()),
                                View.of(args.rowToken()),
                                View.of(args.rowSlot()),
                                View.of(args.tokenRow()),
                                Composed.optional(args.activeRows())),
                (c, views) -> compose(c, spec, views));
    }

    private static void compose(Composition c, MoeDispatch spec, Views views) {
        long tokens = views.indices().dim(0);
        int count = Math.toIntExact(tokens * spec.topK());
        int experts = spec.localExperts();
        long rows = views.rowToken().dim(0);
        if (count == 0) {
            c.fill(views.segmentStart(), 0);
            c.fill(views.segmentCount(), 0);
            c.fill(views.rowToken(), -1);
            c.fill(views.rowSlot(), -1);
            return;
        }
        View keys = keys(c, spec, views).reshape(count);
        View sorted = c.scratch(AclDataType.INT32, count);
        View order = c.scratch(AclDataType.INT64, count);
        c.call(Operator.SORT, keys, true, 0, false, sorted, order);
        View place = c.scratch(AclDataType.INT64, count);
        c.call(Operator.ARGSORT, order, 0, false, place);
        // Rows of each expert, those without row as one more.
        View counts = c.scratch(AclDataType.INT32, experts + 1);
        counts(c, keys, count, experts, counts);
        View padded = c.scratch(AclDataType.INT32, experts + 1);
        int alignment = spec.alignment();
        c.gatherRows(
                c.table(
                        count + " rounded up to " + alignment,
                        IntStream.rangeClosed(0, count)
                                .map(i -> Math.ceilDiv(i, alignment) * alignment)
                                .toArray()),
                counts,
                padded);
        View start = starts(c, padded, experts + 1);
        View dense = starts(c, counts, experts + 1);
        View shift = c.scratch(AclDataType.INT32, experts + 1);
        c.add(start, dense, -1, shift);
        View row = c.scratch(AclDataType.INT32, count);
        View moved = c.scratch(AclDataType.INT32, count);
        c.convert(place, row);
        c.gatherRows(shift, keys, moved);
        c.addTo(row, moved, 1);
        View nowhere = c.equal(keys, experts);
        c.fillWhere(row, nowhere, rows);
        View rowIndex = c.scratch(AclDataType.INT64, count);
        c.convert(row, rowIndex);
        int topK = spec.topK();
        scatter(
                c,
                rowIndex,
                c.table(count + " slots", IntStream.range(0, count).toArray()),
                views.rowSlot());
        scatter(
                c,
                rowIndex,
                c.table(
                        count + " slots' tokens of " + topK,
                        IntStream.range(0, count).map(i -> i / topK).toArray()),
                views.rowToken());
        c.fillWhere(row, nowhere, -1);
        c.convert(row.reshape(tokens, topK), views.tokenRow());
        c.convert(start.slice(0, 0, experts), views.segmentStart());
        c.convert(counts.slice(0, 0, experts), views.segmentCount());
    }

    /// {@return the local expert of every choice, one more for those without row; INT32}
    private static View keys(Composition c, MoeDispatch spec, Views views) {
        View live = RowBounds.replaceDead(c, views.indices(), views.activeRows(), -1);
        View keys = c.scratch(AclDataType.INT32, views.indices().dims());
        // Whatever is not below -1 is legal: other experts are somebody else's.
        View ignored = c.scratch(AclDataType.INT32, views.indices().dims());
        c.checkIndices(live, Integer.MAX_VALUE + 1L, -1, 0, ignored);
        View local = c.scratch(AclDataType.INT64, views.indices().dims());
        c.convert(live, local);
        c.addTo(local, -spec.firstExpert());
        View negative = c.scratch(AclDataType.INT64, views.indices().dims());
        c.multiply(local, -1, negative);
        c.convert(local, keys);
        c.fillWhere(keys, c.greater(local, spec.localExperts() - 1L), spec.localExperts());
        c.fillWhere(keys, c.greater(negative, 0), spec.localExperts());
        return keys;
    }

    private static void counts(Composition c, View keys, int count, int experts, View counts) {
        View ones = c.scratch(AclDataType.INT32, count);
        c.fill(ones, 1);
        View zeros = c.scratch(AclDataType.INT32, experts + 1);
        c.fill(zeros, 0);
        View wide = c.scratch(AclDataType.INT64, count);
        c.convert(keys, wide);
        c.call(Operator.SCATTER_ADD, zeros, 0, wide, ones, counts);
    }

    /// {@return where each run begins if each follows the one before it}
    private static View starts(Composition c, View lengths, int runs) {
        View ends = c.scratch(AclDataType.INT32, runs);
        c.call(Operator.CUMSUM, lengths, 0, AclDataType.INT32.value(), ends);
        View starts = c.scratch(AclDataType.INT32, runs);
        c.add(ends, lengths, -1, starts);
        return starts;
    }

    /// Writes `values[i]` at `rows[i]` of `out`, -1 elsewhere; a row behind the last goes nowhere.
    private static void scatter(Composition c, View rows, View values, View out) {
        long mark = c.mark();
        View padded = c.scratch(AclDataType.INT32, out.dim(0) + 1);
        c.fill(padded, -1);
        c.call(Operator.INDEX_PUT_IMPL, padded, List.of(rows), values, false, true);
        c.convert(padded.slice(0, 0, out.dim(0)), out);
        c.release(mark);
    }
}
