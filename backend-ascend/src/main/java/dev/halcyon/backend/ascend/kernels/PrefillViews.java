package dev.halcyon.backend.ascend.kernels;

import dev.halcyon.backend.ascend.operators.View;
import dev.halcyon.hal.kernel.attention.MlaPrefill;
import dev.halcyon.hal.memory.DType;

import org.jspecify.annotations.Nullable;

/// The operands of a prefill, as [MlaPrefill] tables them.
record PrefillViews(
        View query,
        View key,
        View ropeKey,
        View value,
        View queryStart,
        View keyStart,
        @Nullable View sink,
        View out,
        @Nullable View logSumExp,
        @Nullable View maxLogit) {
    /// {@return the operands at the bounds of a spec, without memory}
    static PrefillViews unbound(MlaPrefill spec) {
        long tokens = spec.maxTokens();
        long keys = spec.maxKeys();
        long width = spec.nopeDim() + (long) spec.ropeDim();
        return new PrefillViews(
                View.unbound(spec.in(), tokens, spec.heads(), width),
                View.unbound(spec.in(), keys, spec.heads(), spec.nopeDim()),
                View.unbound(spec.in(), keys, spec.ropeDim()),
                View.unbound(spec.in(), keys, spec.heads(), spec.valueDim()),
                View.unbound(DType.I32, spec.maxSequences() + 1L),
                View.unbound(DType.I32, spec.maxSequences() + 1L),
                spec.sink() ? View.unbound(DType.F32, spec.heads()) : null,
                View.unbound(spec.out(), tokens, spec.heads(), spec.valueDim()),
                View.unbound(DType.F32, tokens, spec.heads()),
                View.unbound(DType.F32, spec.heads()));
    }

    /// {@return the operands of a launch}
    static PrefillViews of(MlaPrefill.Args args) {
        return new PrefillViews(
                View.of(args.query()),
                View.of(args.key()),
                View.of(args.ropeKey()),
                View.of(args.value()),
                View.of(args.queryStart()),
                View.of(args.keyStart()),
                Composed.optional(args.sink()),
                View.of(args.out()),
                Composed.optional(args.logSumExp()),
                Composed.optional(args.maxLogit()));
    }

    /// {@return these with other places for the results}
    PrefillViews withResults(View newOut, @Nullable View newLogSumExp) {
        return new PrefillViews(
                query,
                key,
                ropeKey,
                value,
                queryStart,
                keyStart,
                sink,
                newOut,
                newLogSumExp,
                maxLogit);
    }
}
