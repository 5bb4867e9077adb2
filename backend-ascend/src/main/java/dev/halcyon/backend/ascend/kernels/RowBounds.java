package dev.halcyon.backend.ascend.kernels;

import dev.halcyon.backend.ascend.acl.AclDataType;
import dev.halcyon.backend.ascend.acl.Operator;
import dev.halcyon.backend.ascend.operators.Composition;
import dev.halcyon.backend.ascend.operators.Scalar;
import dev.halcyon.backend.ascend.operators.View;

import org.jspecify.annotations.Nullable;

/// What `activeRows` means for indices: those of dead rows are not looked at.
final class RowBounds {
    private RowBounds() {}

    /// {@return `0 … count - 1`, INT32}
    static View numbers(Composition c, long count) {
        View numbers = c.scratch(AclDataType.INT32, count);
        if (count > 0) {
            c.call(
                    Operator.ARANGE,
                    new Scalar(AclDataType.INT64, 0),
                    new Scalar(AclDataType.INT64, count),
                    new Scalar(AclDataType.INT64, 1),
                    numbers);
        }
        return numbers;
    }

    /// {@return which of `rows` rows are dead, BOOL}
    ///
    /// @param activeRows INT32 `[1]`
    static View dead(Composition c, long rows, View activeRows) {
        View number = numbers(c, rows);
        View distance = c.scratch(AclDataType.INT32, rows);
        c.add(number, activeRows, -1, distance);
        return c.greater(distance, -1);
    }

    /// {@return the indices with those of dead rows replaced; themselves if every row is active}
    ///
    /// @param ids INT32, one or more a row
    static View replaceDead(Composition c, View ids, @Nullable View activeRows, double substitute) {
        if (activeRows == null) {
            return ids;
        }
        View live = c.scratch(AclDataType.INT32, ids.dims());
        c.copy(ids, live);
        View dead = dead(c, ids.dim(0), activeRows);
        while (dead.rank() < ids.rank()) {
            dead = dead.unsqueeze(dead.rank());
        }
        c.fillWhere(live, dead, substitute);
        return live;
    }
}
