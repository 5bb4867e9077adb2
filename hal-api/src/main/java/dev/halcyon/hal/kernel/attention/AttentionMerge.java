package dev.halcyon.hal.kernel.attention;

import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.kernel.Operands;
import dev.halcyon.hal.kernel.Require;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;

import org.jspecify.annotations.Nullable;

import java.util.Objects;

/// Merges attention over disjoint sets of keys into attention over all of them, by the log-sum-exp
/// of each.
///
/// | operand | type and shape | |
/// |---|---|---|
/// | `partial` | `in [P, R, heads, dim]` | normalised outputs, P = `parts`, R up to `maxRows` |
/// | `partialLse` | `F32 [P, R, heads]` | natural logarithms; minus or plus infinity marks a part without keys |
/// | `sink` | `F32 [heads]` | exactly when `sink` |
/// | `out` | `out [R, heads, dim]` | |
/// | `logSumExp` | `F32 [R, heads]` | optional; of the keys alone, without the sink |
/// | `activeRows` | `I32 [1]` | optional; bounds R |
///
/// ```
/// L   = log Σ_p exp(l_p)                      the maximum shifted out
/// out = Σ_p exp(l_p - L) · partial_p
/// out = out / (1 + exp(sink - L))             with a sink, once, at the very end
/// ```
///
/// over the parts that have keys and in ascending order, in F32 (F64 if `in` is F64). What a part
/// without keys holds as output is not looked at. A sink of minus infinity has no effect, one of
/// plus infinity gives zero. Where no part has keys, the output is zero and the log-sum-exp plus
/// infinity.
///
/// Source: FlashMLA (the combine kernel and its log-sum-exp convention).
///
/// @param maxRows upper bound of the number of queries
/// @param heads heads a query
/// @param dim values a head
/// @param parts sets of keys
/// @param sink whether a sink is given
/// @param in element type of the partial outputs
/// @param out element type of the result
public record AttentionMerge(
        int maxRows, int heads, int dim, int parts, boolean sink, DType in, DType out)
        implements KernelSpec<AttentionMerge.Args> {
    /// Operands, as tabled at [AttentionMerge].
    public record Args(
            Tensor partial,
            Tensor partialLse,
            @Nullable Tensor sink,
            Tensor out,
            @Nullable Tensor logSumExp,
            @Nullable Tensor activeRows)
            implements KernelArgs {
        public Args {
            Objects.requireNonNull(partial, "partial");
            Objects.requireNonNull(partialLse, "partialLse");
            Objects.requireNonNull(out, "out");
        }

        /// {@return the operands of a merge without sink}
        public static Args of(Tensor partial, Tensor partialLse, Tensor out) {
            return new Args(partial, partialLse, null, out, null, null);
        }

        /// {@return these with a sink}
        public Args withSink(@Nullable Tensor logits) {
            return new Args(partial, partialLse, logits, out, logSumExp, activeRows);
        }

        /// {@return these with room for the merged log-sum-exp}
        public Args withLogSumExp(@Nullable Tensor merged) {
            return new Args(partial, partialLse, sink, out, merged, activeRows);
        }

        /// {@return these with the number of live rows}
        public Args withActiveRows(@Nullable Tensor count) {
            return new Args(partial, partialLse, sink, out, logSumExp, count);
        }

        @Override
        public Operands operands() {
            return Operands.of()
                    .read("partial", partial)
                    .read("partialLse", partialLse)
                    .read("sink", sink)
                    .write("out", out)
                    .write("logSumExp", logSumExp)
                    .read("activeRows", activeRows);
        }
    }

    public AttentionMerge {
        Require.positive("maxRows", maxRows);
        Require.positive("heads", heads);
        Require.positive("dim", dim);
        Require.positive("parts", parts);
        Require.activation("in", in);
        Require.activation("out", out);
    }

    /// {@return a merge without sink}
    public static AttentionMerge of(int maxRows, int heads, int dim, int parts, DType dtype) {
        return new AttentionMerge(maxRows, heads, dim, parts, false, dtype, dtype);
    }

    /// {@return this merge with or without a sink}
    public AttentionMerge withSink(boolean given) {
        return new AttentionMerge(maxRows, heads, dim, parts, given, in, out);
    }

    /// {@return this merge with other element types}
    public AttentionMerge withTypes(DType from, DType to) {
        return new AttentionMerge(maxRows, heads, dim, parts, sink, from, to);
    }

    @Override
    public void validate(Args args) {
        long rows = Require.rows("out", args.out, out, maxRows, heads, dim);
        Require.tensor("partial", args.partial, in, parts, rows, heads, dim);
        Require.tensor("partialLse", args.partialLse, DType.F32, parts, rows, heads);
        Require.given("sink", args.sink, sink);
        Require.optional("sink", args.sink, DType.F32, heads);
        Require.optional("logSumExp", args.logSumExp, DType.F32, rows, heads);
        Require.optional("activeRows", args.activeRows, DType.I32, 1);
    }

    /// {@return two operations an element of every part; exponentials are not counted}
    @Override
    public Cost cost() {
        return cost(maxRows, false);
    }

    @Override
    public Cost cost(Args args) {
        return cost(args.out.dim(0), args.logSumExp != null);
    }

    private Cost cost(double rows, boolean withLse) {
        double pairs = rows * heads;
        double bytes =
                pairs * (parts * (in.bytes(dim) + 4.0) + out.bytes(dim) + (withLse ? 4 : 0))
                        + (sink ? 4.0 * heads : 0);
        return new Cost(2 * pairs * dim * parts, bytes);
    }
}
