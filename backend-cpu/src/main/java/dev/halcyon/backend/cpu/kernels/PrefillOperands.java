package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.hal.kernel.attention.MlaPrefill;

import org.jspecify.annotations.Nullable;

/// The operands of a prefill with everything resolved.
final class PrefillOperands {
    final Rows query;
    final Rows key;
    final Rows ropeKey;
    final Rows value;
    final Rows out;
    final Rows queryStart;
    final Rows keyStart;
    final @Nullable Rows sink;
    final @Nullable Rows logSumExp;
    final long queryHead;
    final long keyHead;
    final long valueHead;
    final long outHead;
    final int sequences;
    final int heads;
    final int nopeDim;
    final int ropeDim;
    final int valueDim;
    final boolean causal;

    PrefillOperands(MlaPrefill spec, MlaPrefill.Args args) {
        this.query = Rows.of(args.query());
        this.key = Rows.of(args.key());
        this.ropeKey = Rows.of(args.ropeKey());
        this.value = Rows.of(args.value());
        this.out = Rows.of(args.out());
        this.queryStart = Rows.flat(args.queryStart());
        this.keyStart = Rows.flat(args.keyStart());
        this.sink = Rows.flatOrNull(args.sink());
        this.logSumExp = args.logSumExp() == null ? null : Rows.of(args.logSumExp());
        this.queryHead = args.query().stride(1);
        this.keyHead = args.key().stride(1);
        this.valueHead = args.value().stride(1);
        this.outHead = args.out().stride(1);
        this.sequences = (int) args.queryStart().dim(0) - 1;
        this.heads = spec.heads();
        this.nopeDim = spec.nopeDim();
        this.ropeDim = spec.ropeDim();
        this.valueDim = spec.valueDim();
        this.causal = spec.causal();
    }

    /// {@return the queries of a sequence, -1 if they do not lie inside the rows}
    int queries(int sequence) {
        return extent(queryStart, sequence, query.rows());
    }

    /// {@return the keys of a sequence, -1 if they do not lie inside the rows}
    int keys(int sequence) {
        return extent(keyStart, sequence, key.rows());
    }

    private static int extent(Rows starts, int sequence, long bound) {
        int start = starts.intAt(0, sequence);
        int end = starts.intAt(0, sequence + 1);
        return start >= 0 && start <= end && end <= bound ? end - start : -1;
    }
}
