package dev.halcyon.backend.cpu.product;

import dev.halcyon.backend.cpu.CpuContext;
import dev.halcyon.backend.cpu.loops.MatrixLoops;
import dev.halcyon.backend.cpu.nativecode.NativeLevel;
import dev.halcyon.backend.cpu.parallel.WorkerPool;
import dev.halcyon.hal.memory.DType;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Stream;

/// How the units of a [UnitProduct] are sized, and what memory they take.
///
/// The workspace begins with the packed rows of as many units as are computed in one go.
sealed interface UnitPlan permits F32UnitPlan, Bf16UnitPlan, CodesUnitPlan {
    /// {@return the plan of a shape within a workspace limit, or one with the smallest possible
    /// workspace}
    ///
    /// @param narrowest type that the rows may be rounded to
    static UnitPlan of(
            ProductShape shape, DType narrowest, CpuContext context, long workspaceLimit) {
        WorkerPool pool = context.pool();
        MatrixLoops loops = context.matrix();
        NativeLevel level = context.nativeLevel();
        if (narrowest == DType.BF16 && Bf16UnitPlan.takes(shape, level)) {
            return Bf16UnitPlan.of(shape, pool, loops, level, workspaceLimit);
        }
        if (narrowest == DType.BF16 && CodesUnitPlan.takes(shape, level)) {
            return CodesUnitPlan.of(shape, pool, loops, level, workspaceLimit);
        }
        return new F32UnitPlan(ProductPlan.ofUnits(shape, pool, loops, workspaceLimit));
    }

    /// {@return every [#label] that plans of a context can have}
    static List<String> labels(CpuContext context) {
        NativeLevel level = context.nativeLevel();
        return Stream.of(
                        Arrays.stream(ProductForm.values()).map(ProductForm::label),
                        Bf16UnitPlan.labels(level),
                        CodesUnitPlan.labels(level))
                .flatMap(Function.identity())
                .toList();
    }

    /// {@return the last part of an implementation's name}
    String label();

    /// {@return whether a row's result is the same bits whatever other rows there are}
    boolean invariant();

    /// {@return most rows of a unit}
    int unitRows();

    /// {@return columns of a block, a multiple of a panel's}
    int taskColumns();

    /// {@return floats that a task's results take, with padding}
    int mostResults();

    /// {@return floats that a task's partial sums take}
    int mostPartials();

    /// {@return bytes of packed rows in the workspace}
    long leftBytes();

    /// {@return bytes of workspace that a run needs}
    long workspaceBytes();

    /// {@return the product of given operands}
    ///
    /// @param left the matrix to pack rows of, null if rows are results of another product
    /// @param rowTable I32 numbers of the rows of `left` that are the rows to pack, ascending
    ///   within a group; null for the rows themselves
    UnitProduct bind(
            @Nullable Matrices left,
            @Nullable MemorySegment rowTable,
            Weights right,
            MemorySegment workspace);
}
