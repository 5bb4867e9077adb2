package dev.halcyon.backend.cpu.product;

import dev.halcyon.backend.cpu.loops.MatrixLoops;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;

/// Units for the tiles in Java, sized as a product of its own would be.
///
/// @param plan the product's plan
record F32UnitPlan(ProductPlan plan) implements UnitPlan {
    @Override
    public String label() {
        return plan.label();
    }

    @Override
    public boolean invariant() {
        return plan.invariant();
    }

    @Override
    public int unitRows() {
        return plan.unitRows();
    }

    @Override
    public int taskColumns() {
        return plan.taskColumns();
    }

    @Override
    public int mostResults() {
        return (int) LeftPacker.paddedRows(plan.loops(), plan.unitRows()) * plan.taskColumns();
    }

    @Override
    public int mostPartials() {
        return plan.unitRows() * MatrixLoops.WEIGHT_ROWS * plan.loops().lanes();
    }

    @Override
    public long leftBytes() {
        return plan.leftBytes();
    }

    @Override
    public long workspaceBytes() {
        return plan.workspaceBytes();
    }

    @Override
    public UnitProduct bind(
            @Nullable Matrices left,
            @Nullable MemorySegment rowTable,
            Weights right,
            MemorySegment workspace) {
        return new F32UnitProduct(plan, left, rowTable, right, workspace);
    }
}
