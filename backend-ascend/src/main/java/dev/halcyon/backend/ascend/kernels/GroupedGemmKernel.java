package dev.halcyon.backend.ascend.kernels;

import dev.halcyon.backend.ascend.acl.AclDataType;
import dev.halcyon.backend.ascend.acl.Operator;
import dev.halcyon.backend.ascend.operators.AscendWork;
import dev.halcyon.backend.ascend.operators.Composition;
import dev.halcyon.backend.ascend.operators.Platform;
import dev.halcyon.backend.ascend.operators.View;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Support;
import dev.halcyon.hal.kernel.linear.GroupedGemm;
import dev.halcyon.hal.kernel.linear.GroupedGemm.Kind;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import org.jspecify.annotations.Nullable;

import java.util.List;

/// [GroupedGemm] without reading counts back.
///
/// CANN's grouped product wants the groups one behind the other, so rows are first sorted by group
/// and the result is sorted back. Masked groups are one batch, of which rows behind a count are
/// computed for nothing. Sums over the rows of a group take one product a group, with the rows of
/// the others as zeros.
record GroupedGemmKernel(Platform platform)
        implements Kernel<GroupedGemm, GroupedGemm.Args, AscendWork> {
    private static final String CONTIGUOUS = "grouped-gemm.grouped-matmul";
    private static final String MASKED = "grouped-gemm.batch";
    private static final String K_GROUPED = "grouped-gemm.by-group";
    private static final String INVARIANT = "grouped-gemm.blocks-of-16-rows";

    /// The innermost extent that CANN's grouped product takes.
    private static final int WIDEST = 65_535;

    private record Views(
            View a, WeightViews b, @Nullable View segmentStart, View segmentCount, View out) {}

    @Override
    public Class<GroupedGemm> specType() {
        return GroupedGemm.class;
    }

    @Override
    public List<String> implementations() {
        return List.of(CONTIGUOUS, MASKED, K_GROUPED, INVARIANT);
    }

    @Override
    public Decision<GroupedGemm.Args, AscendWork> decide(GroupedGemm spec, Limits limits) {
        Decision<GroupedGemm.Args, AscendWork> refusal =
                Products.refusal(platform, spec.a(), spec.b(), spec.out(), spec.accumulate());
        if (refusal != null) {
            return refusal;
        }
        if (spec.kind() == Kind.CONTIGUOUS && Math.max(spec.n(), spec.k()) > WIDEST) {
            return Decision.refused(
                    Support.Reason.SHAPE,
                    "a grouped product of " + spec.k() + " by " + spec.n() + " is too wide",
                    "at most " + WIDEST + " columns");
        }
        View segments = View.unbound(DType.I32, spec.groups());
        Views atBounds =
                switch (spec.kind()) {
                    case CONTIGUOUS ->
                            new Views(
                                    View.unbound(spec.a(), spec.maxRows(), spec.k()),
                                    WeightViews.unbound(
                                            spec.b(), spec.groups(), spec.n(), spec.k()),
                                    segments,
                                    segments,
                                    View.unbound(spec.out(), spec.maxRows(), spec.n()));
                    case MASKED ->
                            new Views(
                                    View.unbound(spec.a(), spec.groups(), spec.maxRows(), spec.k()),
                                    WeightViews.unbound(
                                            spec.b(), spec.groups(), spec.n(), spec.k()),
                                    null,
                                    segments,
                                    View.unbound(
                                            spec.out(), spec.groups(), spec.maxRows(), spec.n()));
                    case K_GROUPED ->
                            new Views(
                                    View.unbound(spec.a(), spec.maxRows(), spec.n()),
                                    WeightViews.unbound(spec.b(), spec.maxRows(), spec.k()),
                                    segments,
                                    segments,
                                    View.unbound(spec.out(), spec.groups(), spec.n(), spec.k()));
                };
        return Composed.decide(
                platform,
                spec.batchInvariant()
                        ? INVARIANT
                        : switch (spec.kind()) {
                            case CONTIGUOUS -> CONTIGUOUS;
                            case MASKED -> MASKED;
                            case K_GROUPED -> K_GROUPED;
                        },
                spec.batchInvariant() ? Composed.rows(DType.F32) : Composed.reductions(DType.F32),
                atBounds,
                args ->
                        new Views(
                                View.of(args.a()),
                                WeightViews.of(args.b()),
                                Composed.optional(args.segmentStart()),
                                View.of(args.segmentCount()),
                                View.of(args.out())),
                (c, views) -> {
                    switch (spec.kind()) {
                        case CONTIGUOUS -> contiguous(c, spec, views);
                        case MASKED -> masked(c, spec, views);
                        case K_GROUPED -> kGrouped(c, spec, views);
                    }
                });
    }

    /// {@return the type that both sides take}
    private static AclDataType type(GroupedGemm spec) {
        boolean same = spec.out() == spec.a() && !spec.add();
        return same
                ? Products.operandType(spec.a(), spec.b().dtype(), spec.b().scheme().isPresent())
                : AclDataType.FLOAT;
    }

    private static View left(Composition c, GroupedGemm spec, View a) {
        return spec.a().bits() < 16
                ? c.as(type(spec), SmallFloats.decode(c, spec.a(), a))
                : c.as(type(spec), a);
    }

    /// {@return the weights of all groups, `[G, n, k]`}
    private static View weights(Composition c, GroupedGemm spec, Views views) {
        WeightViews b = views.b();
        if (!b.format().isListed()) {
            return b.numbers(c, 0, type(spec));
        }
        View all = c.scratch(type(spec), spec.groups(), spec.n(), spec.k());
        for (int i = 0; i < spec.groups(); i++) {
            long mark = c.mark();
            c.convert(b.numbers(c, i, type(spec)), all.get(i));
            c.release(mark);
        }
        return all;
    }

    private static void store(Composition c, GroupedGemm spec, View result, View out) {
        if (!spec.add()) {
            c.convert(result, out);
            return;
        }
        View sum = c.scratch(AclDataType.FLOAT, out.dims());
        c.convert(out, sum);
        c.addTo(sum, c.as(AclDataType.FLOAT, result), 1);
        c.convert(sum, out);
    }

    private static void contiguous(Composition c, GroupedGemm spec, Views views) {
        long rows = views.a().dim(0);
        Segments segments = Segments.checked(c, views.segmentStart(), views.segmentCount(), rows);
        if (rows == 0) {
            return;
        }
        View group = segments.ofRows(c, rows);
        View sorted = c.scratch(AclDataType.INT32, rows);
        View order = c.scratch(AclDataType.INT64, rows);
        c.call(Operator.SORT, group, true, 0, false, sorted, order);
        View place = c.scratch(AclDataType.INT64, rows);
        c.call(Operator.ARGSORT, order, 0, false, place);
        View dense = c.scratch(type(spec), rows, spec.k());
        c.gatherRows(left(c, spec, views.a()), order, dense);
        View result = c.scratch(type(spec), rows, spec.n());
        View weights = weights(c, spec, views).transpose(1, 2);
        if (spec.batchInvariant()) {
            groupedMatmulByBlocks(c, dense, weights, segments.count(), result);
        } else {
            groupedMatmul(c, dense, weights, segments.count(), result);
        }
        View back = c.scratch(type(spec), rows, spec.n());
        c.gatherRows(result, place, back);
        store(c, spec, back, views.out());
    }

    /// `out = x w`, the rows of one group behind those of another; rows behind the last group are
    /// left as they are.
    ///
    /// @param weights `[G, k, n]`
    /// @param counts INT64 `[G]`
    static void groupedMatmul(Composition c, View x, View weights, View counts, View out) {
        c.requireProducts(x.type());
        c.call(
                Operator.GROUPED_MATMUL_V4,
                List.of(x),
                List.of(weights),
                null,
                null,
                null,
                null,
                null,
                null,
                counts,
                null,
                null,
                null,
                3,
                0,
                1,
                0,
                List.of(out),
                null,
                null);
    }

    /// As [#groupedMatmul], sixteen rows a call: then CANN sees one shape whatever the number of
    /// rows, and a group's rows in a call are one block of the matrix unit.
    static void groupedMatmulByBlocks(Composition c, View x, View weights, View counts, View out) {
        long rows = x.dim(0);
        int block = Products.BLOCK_ROWS;
        int blocks = Math.toIntExact(Math.ceilDiv(rows, block));
        long groups = counts.dim(0);
        View ends = c.scratch(AclDataType.INT64, groups);
        c.call(Operator.CUMSUM, counts, 0, AclDataType.INT64.value(), ends);
        View starts = c.scratch(AclDataType.INT64, groups);
        c.add(ends, counts, -1, starts);
        View inBlocks = inBlocks(c, ends, blocks);
        c.addTo(inBlocks, inBlocks(c, starts, blocks), -1);
        View part = c.scratch(x.type(), block, x.dim(1));
        View sums = c.scratch(out.type(), block, out.dim(1));
        for (int i = 0; i < blocks; i++) {
            long from = (long) i * block;
            long count = Math.min(block, rows - from);
            if (count < block) {
                c.fill(part, 0);
            }
            c.copy(x.slice(0, from, from + count), part.slice(0, 0, count));
            groupedMatmul(c, part, weights, inBlocks.get(i), sums);
            c.copy(sums.slice(0, 0, count), out.slice(0, from, from + count));
        }
    }

    /// {@return how many rows of each block lie before a row, INT64 `[blocks, G]`}
    private static View inBlocks(Composition c, View row, int blocks) {
        int block = Products.BLOCK_ROWS;
        View before = c.scratch(AclDataType.INT64, blocks, row.dim(0));
        c.fill(before, 0);
        c.addTo(before, row, 1);
        c.addTo(before, RowBounds.numbers(c, blocks).unsqueeze(1), -block);
        View negative = c.scratch(AclDataType.INT64, before.dims());
        c.multiply(before, -1, negative);
        c.fillWhere(before, c.greater(negative, 0), 0);
        c.fillWhere(before, c.greater(before, block), block);
        return before;
    }

    private static void masked(Composition c, GroupedGemm spec, Views views) {
        Segments.checked(c, null, views.segmentCount(), views.a().dim(1));
        if (views.out().elements() == 0) {
            return;
        }
        View result = c.scratch(type(spec), views.out().dims());
        View left = left(c, spec, views.a());
        View weights = weights(c, spec, views).transpose(1, 2);
        if (spec.batchInvariant()) {
            for (int g = 0; g < spec.groups(); g++) {
                Products.multiplyByRows(c, left.get(g), weights.get(g), result.get(g));
            }
        } else {
            c.product(left, weights, result);
        }
        store(c, spec, result, views.out());
    }

    private static void kGrouped(Composition c, GroupedGemm spec, Views views) {
        long rows = views.a().dim(0);
        View result = c.scratch(AclDataType.FLOAT, views.out().dims());
        Segments segments = Segments.checked(c, views.segmentStart(), views.segmentCount(), rows);
        if (rows == 0) {
            c.fill(result, 0);
            store(c, spec, result, views.out());
            return;
        }
        if (spec.batchInvariant()) {
            kGroupedByBlocks(c, spec, views, segments, result);
            store(c, spec, result, views.out());
            return;
        }
        View group = segments.ofRows(c, rows);
        View a = c.scratch(AclDataType.FLOAT, rows, spec.n());
        View b = c.scratch(AclDataType.FLOAT, rows, spec.k());
        View others = c.scratch(AclDataType.INT32, rows);
        for (int g = 0; g < spec.groups(); g++) {
            long mark = c.mark();
            c.convert(c.equal(group, g), others);
            View mask = c.equal(others, 0).unsqueeze(1);
            number(c, spec.a(), views.a(), a);
            number(c, spec.b().dtype(), views.b().pieces().getFirst().values(), b);
            // Zeros on both sides, because the rows of others may hold anything.
            c.fillWhere(a, mask, 0);
            c.fillWhere(b, mask, 0);
            c.product(a.transpose(0, 1), b, result.get(g));
            c.release(mark);
        }
        store(c, spec, result, views.out());
    }

    /// Each group's rows are gathered to the front, so that it does not matter where they lie, and
    /// summed sixteen at a time; behind the last row follow zeros, which change no sum.
    private static void kGroupedByBlocks(
            Composition c, GroupedGemm spec, Views views, Segments segments, View result) {
        long rows = views.a().dim(0);
        int block = Products.BLOCK_ROWS;
        long padded = Math.ceilDiv(rows, block) * block;
        View a = c.scratch(AclDataType.FLOAT, rows, spec.n());
        View b = c.scratch(AclDataType.FLOAT, rows, spec.k());
        number(c, spec.a(), views.a(), a);
        number(c, spec.b().dtype(), views.b().pieces().getFirst().values(), b);
        View numbers = RowBounds.numbers(c, padded);
        View index = c.scratch(AclDataType.INT64, padded);
        View part = c.scratch(AclDataType.FLOAT, spec.n(), spec.k());
        c.fill(result, 0);
        for (int g = 0; g < spec.groups(); g++) {
            long mark = c.mark();
            c.convert(numbers, index);
            c.addTo(index, segments.count().slice(0, g, g + 1), -1);
            View behind = c.greater(index, -1);
            c.convert(numbers, index);
            c.addTo(index, segments.start().slice(0, g, g + 1), 1);
            c.fillWhere(index, behind, 0);
            View left = gathered(c, a, index, behind);
            View right = gathered(c, b, index, behind);
            for (long from = 0; from < padded; from += block) {
                c.product(
                        left.slice(0, from, from + block).transpose(0, 1),
                        right.slice(0, from, from + block),
                        part);
                c.addTo(result.get(g), part, 1);
            }
            c.release(mark);
        }
    }

    /// {@return the rows of these indices, zeros behind the last}
    private static View gathered(Composition c, View x, View index, View behind) {
        View rows = c.scratch(AclDataType.FLOAT, index.dim(0), x.dim(1));
        c.gatherRows(x, index, rows);
        c.fillWhere(rows, behind.unsqueeze(1), 0);
        return rows;
    }

    private static void number(Composition c, DType dtype, View from, View to) {
        c.convert(dtype.bits() < 16 ? SmallFloats.decode(c, dtype, from) : from, to);
    }
}
