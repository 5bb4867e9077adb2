package dev.halcyon.backend.ascend.kernels;

import dev.halcyon.backend.ascend.acl.AclDataType;
import dev.halcyon.backend.ascend.operators.Composition;
import dev.halcyon.backend.ascend.operators.View;
import dev.halcyon.hal.kernel.Operands;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Operand;

import java.util.ArrayList;
import java.util.List;

/// Matrices of one shape as the optimizer takes them: a tensor of two or three dimensions, or a
/// list of matrices; here always three dimensions, or a list of two.
///
/// @param pieces one of three dimensions, or several of two
record MatrixViews(List<View> pieces) {
    static MatrixViews unbound(DType dtype, long matrices, long rows, long columns) {
        return new MatrixViews(List.of(View.unbound(dtype, matrices, rows, columns)));
    }

    static MatrixViews of(Operand operand) {
        List<View> pieces = new ArrayList<>();
        Operands.forEachTensor(operand, "", (name, tensor) -> pieces.add(View.of(tensor)));
        if (pieces.size() == 1) {
            View only = pieces.getFirst();
            return new MatrixViews(List.of(only.rank() == 2 ? only.unsqueeze(0) : only));
        }
        return new MatrixViews(List.copyOf(pieces));
    }

    /// Converts the matrices into one view of three dimensions.
    void load(Composition c, View all) {
        if (pieces.size() == 1) {
            c.convert(pieces.getFirst(), all);
            return;
        }
        for (int i = 0; i < pieces.size(); i++) {
            c.convert(pieces.get(i), all.get(i));
        }
    }

    /// Converts a view of three dimensions into the matrices.
    void store(Composition c, View all) {
        if (pieces.size() == 1) {
            c.convert(all, pieces.getFirst());
            return;
        }
        for (int i = 0; i < pieces.size(); i++) {
            c.convert(all.get(i), pieces.get(i));
        }
    }

    /// {@return the matrices as FLOAT of three dimensions: themselves if they are one such view,
    /// else a converted copy; while planning, the copy, which takes more memory}
    View numbers(Composition c) {
        View first = pieces.getFirst();
        if (c.isBound() && pieces.size() == 1 && first.type() == AclDataType.FLOAT) {
            return first;
        }
        long count = pieces.size() == 1 ? first.dim(0) : pieces.size();
        View all = c.scratch(AclDataType.FLOAT, count, first.dim(-2), first.dim(-1));
        load(c, all);
        return all;
    }

    /// {@return whether `view` is these matrices and no copy}
    boolean isItself(View view) {
        return pieces.getFirst() == view;
    }
}
