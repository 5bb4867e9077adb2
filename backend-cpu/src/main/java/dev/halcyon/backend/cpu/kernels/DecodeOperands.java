package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.hal.host.FaultSink;
import dev.halcyon.hal.kernel.attention.MlaDecode;

import org.jspecify.annotations.Nullable;

/// The operands of a decode step with everything resolved.
final class DecodeOperands {
    final Rows query;
    final Rows out;
    final Rows cache;
    final @Nullable Rows sink;
    final @Nullable Rows logSumExp;
    final @Nullable Rows activeRows;
    final long queryHead;
    final long outHead;
    final long sequences;
    final int queries;
    final int heads;
    final int rowDim;
    final int latentDim;
    final int rowsPerPage;
    final int splitRows;
    private final Rows blockTable;
    private final Rows lengths;
    private final long pages;
    private final int maxLength;
    private FaultSink faults = (operand, position, index, bound) -> {};

    DecodeOperands(MlaDecode spec, MlaDecode.Args args) {
        this.query = Rows.of(args.query());
        this.out = Rows.of(args.out());
        this.cache = AttentionTypes.rows(args.cache());
        this.blockTable = Rows.of(args.blockTable());
        this.lengths = Rows.flat(args.lengths());
        this.sink = Rows.flatOrNull(args.sink());
        this.logSumExp = args.logSumExp() == null ? null : Rows.of(args.logSumExp());
        this.activeRows = Rows.flatOrNull(args.activeRows());
        this.queryHead = args.query().stride(1);
        this.outHead = args.out().stride(1);
        this.sequences = args.lengths().dim(0);
        this.queries = spec.queriesPerSequence();
        this.heads = spec.heads();
        this.rowDim = spec.cache().rowDim();
        this.latentDim = spec.latentDim();
        this.rowsPerPage = spec.cache().rowsPerPage();
        this.pages = args.cache().pages();
        this.maxLength = spec.maxLength();
        this.splitRows = spec.splitRows();
    }

    /// Reports what is wrong from now on to a run's sink.
    void reportTo(FaultSink sink) {
        faults = sink;
    }

    /// {@return a sequence's cached rows, cut to what its block table can hold}
    int length(long sequence) {
        return Math.clamp(lengths.intAt(0, sequence), 0, maxLength);
    }

    /// Reports a length that had to be cut.
    void checkLength(long sequence) {
        int length = lengths.intAt(0, sequence);
        if (length < 0 || length > maxLength) {
            faults.report("lengths", sequence, length, maxLength + 1L);
        }
    }

    /// {@return the slot of a cached row, -1 if its page lies outside the pool}
    long slot(long sequence, long row) {
        int page = blockTable.intAt(sequence, row / rowsPerPage);
        boolean there = page >= 0 && page < pages;
        return there ? page * (long) rowsPerPage + row % rowsPerPage : -1;
    }

    /// Reports the page of a cached row as outside the pool.
    void reportPage(long sequence, long row) {
        long entry = row / rowsPerPage;
        faults.report(
                "blockTable",
                sequence * (maxLength / rowsPerPage) + entry,
                blockTable.intAt(sequence, entry),
                pages);
    }

    /// {@return the row of `query` and `out` of a lane, lanes being queries times heads}
    long row(long sequence, int lane) {
        return sequence * queries + lane / heads;
    }

    /// {@return the rows of its sequence that a lane sees}
    long visible(int lane, int length) {
        return (long) length - queries + lane / heads + 1;
    }
}
