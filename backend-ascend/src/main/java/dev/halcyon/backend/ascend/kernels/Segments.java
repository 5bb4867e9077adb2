package dev.halcyon.backend.ascend.kernels;

import dev.halcyon.backend.ascend.acl.AclDataType;
import dev.halcyon.backend.ascend.acl.Operator;
import dev.halcyon.backend.ascend.operators.Composition;
import dev.halcyon.backend.ascend.operators.View;

import org.jspecify.annotations.Nullable;

import java.util.stream.IntStream;

/// Segments of rows that only the device knows, checked: one that leaves its rows or is negative is
/// empty and counted in the fault word.
///
/// @param start first rows, INT64 `[G]`
/// @param count rows, INT64 `[G]`
record Segments(View start, View count) {
    /// {@return checked segments}
    ///
    /// @param start INT32 `[G]`; null if every segment begins at 0
    /// @param count INT32 `[G]`
    /// @param rows rows that a segment must stay inside
    static Segments checked(Composition c, @Nullable View start, View count, long rows) {
        long groups = count.dim(0);
        View length = c.scratch(AclDataType.INT64, groups);
        c.convert(count, length);
        View first = c.scratch(AclDataType.INT64, groups);
        if (start == null) {
            c.fill(first, 0);
        } else {
            c.convert(start, first);
        }
        View end = c.scratch(AclDataType.INT64, groups);
        c.add(first, length, 1, end);
        // Three ways to be wrong: negative count, negative start, end behind the rows.
        View wrong = c.scratch(AclDataType.INT64, groups);
        c.convert(below(c, length), wrong);
        View part = c.scratch(AclDataType.INT64, groups);
        c.convert(below(c, first), part);
        c.addTo(wrong, part, 1);
        c.convert(c.greater(end, rows), part);
        c.addTo(wrong, part, 1);
        View mask = c.greater(wrong, 0);
        View flags = c.scratch(AclDataType.INT64, groups);
        c.convert(mask, flags);
        View sum = c.scratch(AclDataType.INT64, 1, 1);
        c.sumRows(flags.reshape(1, groups), sum);
        View narrow = c.scratch(AclDataType.INT32, 1);
        c.convert(sum.reshape(1), narrow);
        c.addTo(View.faultWord(), narrow, 1);
        c.fillWhere(length, mask, 0);
        c.fillWhere(first, mask, 0);
        return new Segments(first, length);
    }

    private static View below(Composition c, View numbers) {
        View negative = c.scratch(AclDataType.INT64, numbers.dims());
        c.multiply(numbers, -1, negative);
        return c.greater(negative, 0);
    }

    /// {@return the segment of every row, the number of segments for rows in none; INT32}
    View ofRows(Composition c, long rows) {
        int groups = Math.toIntExact(count.dim(0));
        View marks = c.scratch(AclDataType.INT32, rows + 1);
        c.fill(marks, 0);
        View opened = c.scratch(AclDataType.INT32, rows + 1);
        View numbers =
                c.table(groups + " groups from 1", IntStream.rangeClosed(1, groups).toArray());
        c.call(Operator.SCATTER_ADD, marks, 0, start, numbers, opened);
        View end = c.scratch(AclDataType.INT64, groups);
        c.add(start, count, 1, end);
        View closing =
                c.table(
                        groups + " groups down from -1",
                        IntStream.rangeClosed(1, groups).map(i -> -i).toArray());
        View closed = c.scratch(AclDataType.INT32, rows + 1);
        c.call(Operator.SCATTER_ADD, opened, 0, end, closing, closed);
        View running = c.scratch(AclDataType.INT32, rows + 1);
        c.call(Operator.CUMSUM, closed, 0, AclDataType.INT32.value(), running);
        View group = c.scratch(AclDataType.INT32, rows);
        c.copy(running.slice(0, 0, rows), group);
        View none = c.equal(group, 0);
        c.addTo(group, -1);
        c.fillWhere(group, none, groups);
        return group;
    }
}
