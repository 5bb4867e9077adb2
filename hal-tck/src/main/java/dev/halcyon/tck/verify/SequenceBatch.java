package dev.halcyon.tck.verify;

import dev.halcyon.hal.memory.Tensor;

import org.jspecify.annotations.Nullable;

import java.util.stream.IntStream;

/// Where the sequences of a batch keep their cached rows: whole pages of a pool, in an order that
/// is not the obvious one, and the step that is to be computed next.
final class SequenceBatch {
    private static final int ROWS_PER_PAGE = 64;

    /// Coprime to any number of pages that a case can have, so that multiplying by it shuffles
    /// them.
    private static final int SHUFFLE = 1_000_003;

    /// Pages that no sequence owns; they stay NaN.
    private static final int SPARE_PAGES = 2;

    private final Workbench bench;
    private final int sequences;
    private final int firstPosition;
    private final int pagesEach;

    /// @param capacity most rows of a sequence
    /// @param firstPosition the position of every sequence's first token
    SequenceBatch(Workbench bench, int sequences, int capacity, int firstPosition) {
        this.bench = bench;
        this.sequences = sequences;
        this.firstPosition = firstPosition;
        this.pagesEach = Math.max(1, Math.ceilDiv(capacity, ROWS_PER_PAGE));
    }

    int sequences() {
        return sequences;
    }

    int pagesEach() {
        return pagesEach;
    }

    int rowsPerPage() {
        return ROWS_PER_PAGE;
    }

    int pages() {
        return sequences * pagesEach + SPARE_PAGES;
    }

    private int page(int sequence, int index) {
        return (int) ((long) (sequence * pagesEach + index + 1) * SHUFFLE % pages());
    }

    /// The cache slots of rows `from` to `to - 1` of every sequence, one sequence after the other.
    int[] slots(int from, int to) {
        return IntStream.range(0, sequences)
                .flatMap(
                        s ->
                                IntStream.range(from, to)
                                        .map(
                                                t ->
                                                        page(s, t / ROWS_PER_PAGE) * ROWS_PER_PAGE
                                                                + t % ROWS_PER_PAGE))
                .toArray();
    }

    private int[] positions(int from, int to) {
        return IntStream.range(0, sequences)
                .flatMap(s -> IntStream.range(firstPosition + from, firstPosition + to))
                .toArray();
    }

    /// The pages of every sequence; what stands behind the last used page is no page, and must not
    /// be looked at.
    Tensor blockTable(int length) {
        int used = Math.ceilDiv(length, ROWS_PER_PAGE);
        int[] table =
                IntStream.range(0, sequences * pagesEach)
                        .map(
                                i ->
                                        i % pagesEach < used
                                                ? page(i / pagesEach, i % pagesEach)
                                                : Integer.MAX_VALUE)
                        .toArray();
        return bench.intRows(table, sequences, Integer.MIN_VALUE, pagesEach);
    }

    /// The tokens `from` to `to - 1` of every sequence.
    Step step(int from, int to) {
        int live = sequences * (to - from);
        return new Step(
                this,
                from,
                to,
                live,
                bench.intRows(positions(from, to), live, 1),
                bench.intRows(slots(from, to), live, -1),
                bench.active(live));
    }

    /// The rows of one pass through a layer.
    ///
    /// @param batch the sequences
    /// @param from first token of each sequence
    /// @param to end of the tokens
    /// @param live rows: tokens of all sequences, one sequence after the other
    /// @param positions position of each row
    /// @param slots cache slot of each row
    /// @param active the number of live rows, or null
    record Step(
            SequenceBatch batch,
            int from,
            int to,
            int live,
            Tensor positions,
            Tensor slots,
            @Nullable Tensor active) {
        /// The tokens of one sequence.
        int count() {
            return to - from;
        }
    }
}
