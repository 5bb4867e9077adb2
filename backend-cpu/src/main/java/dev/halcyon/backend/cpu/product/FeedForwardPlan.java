package dev.halcyon.backend.cpu.product;

import dev.halcyon.backend.cpu.CpuContext;
import dev.halcyon.backend.cpu.loops.Loops;
import dev.halcyon.hal.memory.DType;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.util.List;

/// How feed-forward networks of some shape are computed, with all that lies between their products
/// in the workspace.
///
/// The workspace holds that of the first two products and, behind it, that of the third; the rows
/// that a product reads lie at the front of its own.
public final class FeedForwardPlan {
    private final FeedForwardShape shape;
    private final Loops loops;
    private final UnitPlan wide;
    private final UnitPlan narrow;

    private FeedForwardPlan(FeedForwardShape shape, CpuContext context, long workspaceLimit) {
        this.shape = shape;
        this.loops = context.loops();
        DType narrowest =
                shape.x() == DType.BF16 && shape.between() == DType.BF16 ? DType.BF16 : DType.F32;
        this.wide =
                UnitPlan.of(
                        ProductShape.of(
                                        shape.maxGroupRows(),
                                        shape.width(),
                                        shape.hidden(),
                                        shape.x(),
                                        shape.gateUp(),
                                        DType.F32)
                                .inGroups(shape.groups(), shape.maxRows())
                                .withInvariant(shape.invariant()),
                        narrowest,
                        context,
                        workspaceLimit / 2);
        this.narrow =
                UnitPlan.of(
                        ProductShape.of(
                                        shape.maxGroupRows(),
                                        shape.hidden(),
                                        shape.width(),
                                        narrowest,
                                        shape.down(),
                                        shape.out())
                                .inGroups(shape.groups(), shape.maxRows())
                                .withInvariant(shape.invariant()),
                        narrowest,
                        context,
                        workspaceLimit / 2);
    }

    /// {@return the plan of a shape within a workspace limit, or one with the smallest possible
    /// workspace}
    public static FeedForwardPlan of(
            FeedForwardShape shape, CpuContext context, long workspaceLimit) {
        return new FeedForwardPlan(shape, context, workspaceLimit);
    }

    /// {@return how the first two products are computed, the last part of an implementation's name}
    public String label() {
        return wide.label();
    }

    /// {@return every [#label] that plans of a context can have}
    public static List<String> labels(CpuContext context) {
        return UnitPlan.labels(context);
    }

    /// {@return whether a row's result is the same bits whatever other rows there are}
    public boolean invariant() {
        return wide.invariant() && narrow.invariant();
    }

    /// {@return bytes of workspace that a run needs}
    public long workspaceBytes() {
        return wide.workspaceBytes() + narrow.workspaceBytes();
    }

    /// {@return the networks of given operands}
    ///
    /// @param x rows of all groups, or what `rowTable` picks from
    /// @param rowTable for each row of a group its row of `x`, I32; null if they are the same
    /// @param factors for each row what its activation is multiplied by, F32; null for 1
    /// @param out a row for each row of a group
    /// @param workspace at least [#workspaceBytes()] bytes, aligned to 64
    public FeedForward bind(
            Matrices x,
            @Nullable MemorySegment rowTable,
            @Nullable MemorySegment factors,
            Weights gate,
            Weights up,
            Weights down,
            Matrices out,
            MemorySegment workspace) {
        MemorySegment front = workspace.asSlice(0, wide.workspaceBytes());
        MemorySegment back = workspace.asSlice(wide.workspaceBytes(), narrow.workspaceBytes());
        return new FeedForward(
                this,
                wide.bind(x, rowTable, gate, front),
                wide.bind(x, rowTable, up, front),
                narrow.bind(null, null, down, back),
                factors,
                out);
    }

    FeedForwardShape shape() {
        return shape;
    }

    Loops loops() {
        return loops;
    }

    UnitPlan wide() {
        return wide;
    }

    UnitPlan narrow() {
        return narrow;
    }
}
