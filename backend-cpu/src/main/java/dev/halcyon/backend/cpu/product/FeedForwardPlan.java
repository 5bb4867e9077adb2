package dev.halcyon.backend.cpu.product;

import dev.halcyon.backend.cpu.loops.Loops;
import dev.halcyon.backend.cpu.parallel.WorkerPool;
import dev.halcyon.hal.memory.DType;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;

/// How feed-forward networks of some shape are computed, with all that lies between their products
/// in the workspace.
///
/// The workspace holds that of the first two products and, behind it, that of the third; the rows
/// that a product reads lie at the front of its own.
public final class FeedForwardPlan {
    private final FeedForwardShape shape;
    private final Loops loops;
    private final ProductPlan wide;
    private final ProductPlan narrow;

    private FeedForwardPlan(
            FeedForwardShape shape, WorkerPool pool, Loops loops, long workspaceLimit) {
        this.shape = shape;
        this.loops = loops;
        this.wide =
                ProductPlan.ofUnits(
                        ProductShape.of(
                                        shape.maxGroupRows(),
                                        shape.width(),
                                        shape.hidden(),
                                        shape.x(),
                                        shape.gateUp(),
                                        DType.F32)
                                .inGroups(shape.groups(), shape.maxRows())
                                .withInvariant(shape.invariant()),
                        pool,
                        loops.matrix(),
                        workspaceLimit / 2);
        this.narrow =
                ProductPlan.ofUnits(
                        ProductShape.of(
                                        shape.maxGroupRows(),
                                        shape.hidden(),
                                        shape.width(),
                                        DType.F32,
                                        shape.down(),
                                        shape.out())
                                .inGroups(shape.groups(), shape.maxRows())
                                .withInvariant(shape.invariant()),
                        pool,
                        loops.matrix(),
                        workspaceLimit / 2);
    }

    /// {@return the plan of a shape within a workspace limit, or one with the smallest possible
    /// workspace}
    public static FeedForwardPlan of(
            FeedForwardShape shape, WorkerPool pool, Loops loops, long workspaceLimit) {
        return new FeedForwardPlan(shape, pool, loops, workspaceLimit);
    }

    /// {@return how the first two products are computed}
    public ProductForm form() {
        return wide.form();
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
                new F32UnitProduct(wide, x, rowTable, gate, front),
                new F32UnitProduct(wide, x, rowTable, up, front),
                new F32UnitProduct(narrow, null, null, down, back),
                factors,
                out);
    }

    FeedForwardShape shape() {
        return shape;
    }

    Loops loops() {
        return loops;
    }

    ProductPlan wide() {
        return wide;
    }

    ProductPlan narrow() {
        return narrow;
    }
}
