package dev.halcyon.backend.ascend.kernels;

import dev.halcyon.backend.ascend.acl.AclDataType;
import dev.halcyon.backend.ascend.operators.Composition;
import dev.halcyon.backend.ascend.operators.View;

/// Which keys each query sees, when only the device knows where sequences begin: one run of keys a
/// query. A sequence outside the rows is counted in the fault word and has neither.
///
/// @param first first key of each query, INT32 `[T]`
/// @param end behind the last, INT32 `[T]`; not behind `first` if there is none
/// @param isLoose keys of no sequence, BOOL `[S]`
record VisibleKeys(View first, View end, View isLoose) {
    /// {@return the visible keys}
    ///
    /// @param queryStart INT32 `[B + 1]`
    /// @param keyStart INT32 `[B + 1]`
    static VisibleKeys checked(
            Composition c,
            View queryStart,
            View keyStart,
            long queries,
            long keys,
            boolean causal) {
        long sequences = queryStart.dim(0) - 1;
        View queryBegin = part(c, queryStart, 0);
        View queryEnd = part(c, queryStart, 1);
        View keyBegin = part(c, keyStart, 0);
        View keyEnd = part(c, keyStart, 1);
        View wrong = c.scratch(AclDataType.INT64, sequences);
        c.fill(wrong, 0);
        addWrong(c, wrong, queryBegin, queryEnd, queries);
        addWrong(c, wrong, keyBegin, keyEnd, keys);
        View mask = c.greater(wrong, 0);
        count(c, mask);
        for (View bound : new View[] {queryBegin, queryEnd, keyBegin, keyEnd}) {
            c.fillWhere(bound, mask, 0);
        }
        View ofQuery = sequenceOf(c, queryBegin, queryEnd, queries);
        View ofKey = sequenceOf(c, keyBegin, keyEnd, keys);
        View first = perQuery(c, keyBegin, 0, ofQuery);
        View end;
        if (causal) {
            View shift = c.scratch(AclDataType.INT64, sequences);
            c.add(keyEnd, queryEnd, -1, shift);
            c.addTo(shift, 1);
            end = perQuery(c, shift, -queries, ofQuery);
            c.addTo(end, RowBounds.numbers(c, queries), 1);
        } else {
            end = perQuery(c, keyEnd, 0, ofQuery);
        }
        return new VisibleKeys(first, end, c.equal(ofKey, sequences));
    }

    private static View part(Composition c, View starts, long from) {
        View part = c.scratch(AclDataType.INT64, starts.dim(0) - 1);
        c.convert(starts.slice(0, from, from + starts.dim(0) - 1), part);
        return part;
    }

    private static void addWrong(Composition c, View wrong, View begin, View end, long rows) {
        View difference = c.scratch(AclDataType.INT64, wrong.dims());
        c.multiply(begin, -1, difference);
        addTrue(c, wrong, c.greater(difference, 0));
        c.add(begin, end, -1, difference);
        addTrue(c, wrong, c.greater(difference, 0));
        addTrue(c, wrong, c.greater(end, rows));
    }

    private static void addTrue(Composition c, View sum, View mask) {
        View flags = c.scratch(AclDataType.INT64, sum.dims());
        c.convert(mask, flags);
        c.addTo(sum, flags, 1);
    }

    private static void count(Composition c, View mask) {
        if (mask.elements() == 0) {
            return;
        }
        View flags = c.scratch(AclDataType.INT64, 1, mask.dim(0));
        c.convert(mask.unsqueeze(0), flags);
        View sum = c.scratch(AclDataType.INT64, 1, 1);
        c.sumRows(flags, sum);
        View narrow = c.scratch(AclDataType.INT32, 1);
        c.convert(sum.reshape(1), narrow);
        c.addTo(View.faultWord(), narrow, 1);
    }

    /// {@return the sequence of each row, the number of sequences for rows of none; INT32}
    private static View sequenceOf(Composition c, View begin, View end, long rows) {
        long sequences = begin.dim(0);
        if (sequences == 0) {
            View none = c.scratch(AclDataType.INT32, rows);
            c.fill(none, 0);
            return none;
        }
        View count = c.scratch(AclDataType.INT64, sequences);
        c.add(end, begin, -1, count);
        View sequence = new Segments(begin, count).ofRows(c, rows);
        // Starts that descend make sequences overlap; the fault is counted already.
        c.fillWhere(sequence, c.greater(sequence, sequences), sequences);
        return sequence;
    }

    private static View perQuery(Composition c, View ofSequence, long otherwise, View sequence) {
        long sequences = ofSequence.dim(0);
        View table = c.scratch(AclDataType.INT32, sequences + 1);
        c.fill(table, otherwise);
        c.convert(ofSequence, table.slice(0, 0, sequences));
        View result = c.scratch(AclDataType.INT32, sequence.dim(0));
        c.gatherRows(table, sequence, result);
        return result;
    }

    /// Hides the logits of invisible pairs.
    ///
    /// @param logits `[heads, queries, keys]`
    /// @param query the first query
    /// @param numbers INT32, the numbers of the keys
    void hide(Composition c, View logits, long query, View numbers) {
        long queries = logits.dim(1);
        long keys = logits.dim(2);
        View row = numbers.reshape(1, keys);
        View distance = c.scratch(AclDataType.INT32, queries, keys);
        c.add(row, end.slice(0, query, query + queries).reshape(queries, 1), -1, distance);
        c.fillWhere(logits, c.greater(distance, -1).unsqueeze(0), RunningSoftmax.HIDDEN);
        c.add(first.slice(0, query, query + queries).reshape(queries, 1), row, -1, distance);
        c.fillWhere(logits, c.greater(distance, 0).unsqueeze(0), RunningSoftmax.HIDDEN);
    }
}
