package dev.halcyon.backend.ascend.kernels;

import dev.halcyon.backend.ascend.operators.View;
import dev.halcyon.hal.kernel.attention.MlaDecode;
import dev.halcyon.hal.memory.DType;

import org.jspecify.annotations.Nullable;

/// The operands of a decode step, as [MlaDecode] tables them.
record DecodeViews(
        View query,
        CacheRows cache,
        View blockTable,
        View lengths,
        @Nullable View sink,
        View out,
        @Nullable View logSumExp,
        @Nullable View maxLogit,
        @Nullable View activeRows) {
    /// {@return the operands at the bounds of a spec, without memory}
    static DecodeViews unbound(MlaDecode spec) {
        long queries = (long) spec.maxSequences() * spec.queriesPerSequence();
        return new DecodeViews(
                View.unbound(spec.query(), queries, spec.heads(), spec.cache().rowDim()),
                CacheRows.unbound(spec.cache()),
                View.unbound(DType.I32, spec.maxSequences(), spec.maxPagesPerSequence()),
                View.unbound(DType.I32, spec.maxSequences()),
                spec.sink() ? View.unbound(DType.F32, spec.heads()) : null,
                View.unbound(spec.out(), queries, spec.heads(), spec.latentDim()),
                View.unbound(DType.F32, queries, spec.heads()),
                View.unbound(DType.F32, spec.heads()),
                View.unbound(DType.I32, 1));
    }

    /// {@return the operands of a launch}
    static DecodeViews of(MlaDecode.Args args) {
        return new DecodeViews(
                View.of(args.query()),
                CacheRows.of(args.cache()),
                View.of(args.blockTable()),
                View.of(args.lengths()),
                Composed.optional(args.sink()),
                View.of(args.out()),
                Composed.optional(args.logSumExp()),
                Composed.optional(args.maxLogit()),
                Composed.optional(args.activeRows()));
    }

    /// {@return these with other places for the results}
    DecodeViews withResults(View newOut, @Nullable View newLogSumExp) {
        return new DecodeViews(
                query,
                cache,
                blockTable,
                lengths,
                sink,
                newOut,
                newLogSumExp,
                maxLogit,
                activeRows);
    }
}
