package dev.halcyon.hal.kernel.moe;

import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.kernel.Operands;
import dev.halcyon.hal.kernel.Require;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;

import org.jspecify.annotations.Nullable;

import java.util.Objects;

/// Sums the expert rows of every token, weighted, and adds what else the token has.
///
/// | operand | type and shape | |
/// |---|---|---|
/// | `rows` | `rows`, `[R, dim]` | what the experts made, R up to `maxRows` |
/// | `tokenRow` | `I32 [T, topK]` | from [MoeDispatch]; -1 adds nothing |
/// | `weights` | `F32 [T, topK]` | exactly when `weighted`; else every weight is 1 |
/// | `addend` | `out`, `[T, dim]` | exactly when `addend`: the shared expert's result or another device's part |
/// | `out` | `out`, `[T, dim]` | may be the very range of `addend` |
/// | `activeRows` | `I32 [1]` | optional; bounds the tokens |
///
/// ```
/// out[t] = Σ_k weights[t, k] · rows[tokenRow[t, k]] + addend[t]
/// ```
///
/// The sum runs in F32 (F64 if `rows` is F64) over ascending k, the addend comes last, and there is
/// one rounding, to `out`; a token without rows gets the addend or zero. A `tokenRow` entry outside
/// the rows makes the token's output zero and raises the fault word. Source: DeepSeek TileKernels
/// (reduce_fused).
///
/// @param maxTokens upper bound of the number of tokens
/// @param topK choices a token
/// @param dim values a row
/// @param maxRows upper bound of the number of expert rows
/// @param rows element type of the expert rows
/// @param out element type of the result and the addend
/// @param weighted whether weights are given
/// @param addend whether an addend is given
public record MoeCombine(
        int maxTokens,
        int topK,
        int dim,
        int maxRows,
        DType rows,
        DType out,
        boolean weighted,
        boolean addend)
        implements KernelSpec<MoeCombine.Args> {
    /// Operands, as tabled at [MoeCombine].
    public record Args(
            Tensor rows,
            Tensor tokenRow,
            @Nullable Tensor weights,
            @Nullable Tensor addend,
            Tensor out,
            @Nullable Tensor activeRows)
            implements KernelArgs {
        public Args {
            Objects.requireNonNull(rows, "rows");
            Objects.requireNonNull(tokenRow, "tokenRow");
            Objects.requireNonNull(out, "out");
        }

        /// {@return the operands of an unweighted sum without addend}
        public static Args of(Tensor rows, Tensor tokenRow, Tensor out) {
            return new Args(rows, tokenRow, null, null, out, null);
        }

        /// {@return these with weights}
        public Args withWeights(@Nullable Tensor factors) {
            return new Args(rows, tokenRow, factors, addend, out, activeRows);
        }

        /// {@return these with an addend}
        public Args withAddend(@Nullable Tensor last) {
            return new Args(rows, tokenRow, weights, last, out, activeRows);
        }

        /// {@return these with the number of live tokens}
        public Args withActiveRows(@Nullable Tensor count) {
            return new Args(rows, tokenRow, weights, addend, out, count);
        }

        @Override
        public Operands operands() {
            return Operands.of()
                    .read("rows", rows)
                    .read("tokenRow", tokenRow)
                    .read("weights", weights)
                    .read("addend", addend)
                    .write("out", out, "addend")
                    .read("activeRows", activeRows);
        }
    }

    public MoeCombine {
        Require.positive("maxTokens", maxTokens);
        Require.positive("topK", topK);
        Require.positive("dim", dim);
        Require.positive("maxRows", maxRows);
        Require.activation("rows", rows);
        Require.activation("out", out);
    }

    /// {@return the weighted sum of what `dispatch` scattered, without addend}
    public static MoeCombine of(MoeDispatch dispatch, int dim, DType dtype) {
        return new MoeCombine(
                dispatch.maxTokens(),
                dispatch.topK(),
                dim,
                dispatch.maxRows(),
                dtype,
                dtype,
                true,
                false);
    }

    /// {@return this sum with or without weights}
    public MoeCombine withWeights(boolean given) {
        return new MoeCombine(maxTokens, topK, dim, maxRows, rows, out, given, addend);
    }

    /// {@return this sum with or without an addend}
    public MoeCombine withAddend(boolean given) {
        return new MoeCombine(maxTokens, topK, dim, maxRows, rows, out, weighted, given);
    }

    /// {@return this sum with other element types}
    public MoeCombine withTypes(DType expertRows, DType result) {
        return new MoeCombine(maxTokens, topK, dim, maxRows, expertRows, result, weighted, addend);
    }

    @Override
    public void validate(Args args) {
        Require.rows("rows", args.rows, rows, maxRows, dim);
        long tokens = Require.rows("tokenRow", args.tokenRow, DType.I32, maxTokens, topK);
        Require.given("weights", args.weights, weighted);
        Require.optional("weights", args.weights, DType.F32, tokens, topK);
        Require.given("addend", args.addend, addend);
        Require.optional("addend", args.addend, out, tokens, dim);
        Require.tensor("out", args.out, out, tokens, dim);
        Require.optional("activeRows", args.activeRows, DType.I32, 1);
    }

    @Override
    public Cost cost() {
        return cost(maxTokens, Math.min(maxRows, (double) maxTokens * topK));
    }

    @Override
    public Cost cost(Args args) {
        double tokens = args.tokenRow.dim(0);
        return cost(tokens, Math.min(args.rows.dim(0), tokens * topK));
    }

    private Cost cost(double tokens, double liveRows) {
        double flops = (weighted ? 2.0 : 1.0) * liveRows * dim + (addend ? tokens * dim : 0);
        double bytes =
                liveRows * rows.bytes(dim)
                        + tokens
                                * (out.bytes(dim) * (addend ? 2.0 : 1.0)
                                        + topK * (weighted ? 8.0 : 4.0));
        return new Cost(flops, bytes);
    }
}
