package dev.halcyon.backend.ascend.kernels;

import dev.halcyon.backend.ascend.acl.AclDataType;
import dev.halcyon.backend.ascend.operators.Composition;
import dev.halcyon.backend.ascend.operators.View;
import dev.halcyon.hal.kernel.attention.MlaDecode;
import dev.halcyon.hal.memory.DType;

import org.jspecify.annotations.Nullable;

import java.util.Objects;

/// The cached rows of sequences whose lengths only the device knows, checked: what is wrong with
/// lengths and pages is counted in the fault word and not there afterwards.
///
/// @param spec the step
/// @param cache the pool
/// @param length INT32 `[B]`, 0 to the spec's largest
/// @param page INT32 `[B, columns]`, all inside the pool
/// @param isBad INT32 `[B, columns]`, 1 where a page lies outside the pool
record CachePages(MlaDecode spec, CacheRows cache, View length, View page, View isBad) {
    /// {@return checked pages}
    ///
    /// @param columns of the result, at least those of the table
    static CachePages checked(
            Composition c,
            MlaDecode spec,
            CacheRows cache,
            View blockTable,
            View lengths,
            @Nullable View activeRows,
            long columns) {
        long sequences = lengths.dim(0);
        int table = spec.maxPagesPerSequence();
        int longest = spec.maxLength();
        long pages = cache.slots() / spec.cache().rowsPerPage();
        View live = RowBounds.replaceDead(c, lengths, activeRows, 0);
        View length = c.scratch(AclDataType.INT32, sequences);
        c.checkIndices(live, longest + 1L, Long.MIN_VALUE, 0, length);
        c.fillWhere(length, c.greater(live, longest), longest);

        View entries = c.scratch(AclDataType.INT32, sequences, table);
        if (pages == 0) {
            c.fill(entries, -1);
        } else {
            c.copy(blockTable, entries);
        }
        View begin = RowBounds.numbers(c, table);
        c.multiplyBy(begin, spec.cache().rowsPerPage());
        View distance = c.scratch(AclDataType.INT32, sequences, table);
        c.add(begin.reshape(1, table), length.reshape(sequences, 1), -1, distance);
        c.fillWhere(entries, c.greater(distance, -1), 0);
        View inside = c.scratch(AclDataType.INT32, sequences, table);
        View bad = c.checkIndices(entries, Math.max(1, pages), Long.MIN_VALUE, 0, inside);
        View flags = c.scratch(AclDataType.INT32, sequences, table);
        c.convert(bad, flags);
        return new CachePages(
                spec, cache, length, widened(c, inside, columns), widened(c, flags, columns));
    }

    private static View widened(Composition c, View entries, long columns) {
        if (entries.dim(1) == columns) {
            return entries;
        }
        View wide = c.scratch(AclDataType.INT32, entries.dim(0), columns);
        c.fill(wide, 0);
        c.copy(entries, wide.slice(1, 0, entries.dim(1)));
        return wide;
    }

    /// {@return those of some sequences}
    CachePages of(long from, long end) {
        return new CachePages(
                spec,
                cache,
                length.slice(0, from, end),
                page.slice(0, from, end),
                isBad.slice(0, from, end));
    }

    /// Rows of a run of pages.
    ///
    /// @param content FLOAT `[B, rows, rowDim]`, zero where there is no row
    /// @param distance INT32 `[B, rows]`: how far behind the last row of its sequence, 0 for the
    ///   next; 1 where its page is not there
    record Rows(View content, View distance) {}

    /// {@return the rows of some columns of pages}
    ///
    /// @param numbers INT32, `0 … rows - 1`
    Rows gather(Composition c, long first, long end, View numbers) {
        long sequences = length.dim(0);
        long columns = end - first;
        int each = spec.cache().rowsPerPage();
        long rows = columns * each;
        View ids = c.scratch(AclDataType.INT32, sequences, columns);
        c.copy(page.slice(1, first, end), ids);
        View content = content(c, ids.reshape(sequences * columns));
        View distance = c.scratch(AclDataType.INT32, sequences, columns, each);
        c.add(numbers.reshape(1, columns, each), length.reshape(sequences, 1, 1), -1, distance);
        if (first > 0) {
            c.addTo(distance, first * each);
        }
        View bad = c.greater(isBad.slice(1, first, end), 0);
        c.fillWhere(distance, bad.reshape(sequences, columns, 1), 1);
        View absent = c.greater(distance, -1);
        View shaped = content.reshape(sequences, rows, spec.cache().rowDim());
        c.fillWhere(shaped, absent.reshape(sequences, rows, 1), 0);
        return new Rows(shaped, distance.reshape(sequences, rows));
    }

    /// {@return the rows of pages, FLOAT `[pages, rowsPerPage, rowDim]`}
    private View content(Composition c, View ids) {
        DType stored = spec.cache().dtype();
        int each = spec.cache().rowsPerPage();
        View all = null;
        for (CacheRows.Part part : cache.parts()) {
            View pages = part.pages(each);
            View codes = c.scratch(pages.type(), ids.dim(0), pages.dim(1));
            if (pages.dim(0) == 0) {
                c.fill(codes, 0);
            } else {
                c.gatherRows(pages, ids, codes);
            }
            View shaped = codes.reshape(ids.dim(0), each, part.rows().dim(1));
            if (cache.parts().size() == 1) {
                return stored.bits() < 16
                        ? SmallFloats.decode(c, stored, shaped)
                        : c.as(AclDataType.FLOAT, shaped);
            }
            if (all == null) {
                all = c.scratch(AclDataType.FLOAT, ids.dim(0), each, spec.cache().rowDim());
            }
            c.convert(shaped, all.slice(2, part.from(), part.end()));
        }
        return Objects.requireNonNull(all);
    }
}
