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

/// Sorts routed tokens by expert: one row for every (token, choice) whose expert is local, each
/// expert's rows together.
///
/// | operand | type and shape | |
/// |---|---|---|
/// | `indices` | `I32 [T, topK]` | global expert numbers; -1 is none |
/// | `segmentStart` | `I32 [localExperts]` | first row of each local expert, a multiple of `alignment` |
/// | `segmentCount` | `I32 [localExperts]` | its rows, padding not counted; may be 0 |
/// | `rowToken` | `I32 [R]` | the token of each row, -1 on padding and beyond the last segment |
/// | `rowSlot` | `I32 [R]` | `token * topK + choice` of each row, -1 likewise |
/// | `tokenRow` | `I32 [T, topK]` | the row of each choice, -1 where its expert is not local |
/// | `activeRows` | `I32 [1]` | optional; tokens at and beyond it get no row |
///
/// Local experts are the global numbers `firstExpert … firstExpert + localExperts - 1`; choices of
/// other experts are somebody else's and get no row. Experts lie in ascending order, each segment
/// rounded up to `alignment` rows; inside one, rows are in ascending order of (token, choice), so
/// the mapping is a function of `indices` alone. R may be anything from [#maxRows(long)] of the
/// actual tokens to [#maxRows()], and every entry of `rowToken` and `rowSlot` is written. An index
/// below -1 gets no row and raises the fault word.
///
/// Source: DeepSeek TileKernels (get_fused_mapping), DeepGEMM (aligned contiguous layout).
///
/// @param maxTokens upper bound of the number of tokens
/// @param topK choices a token
/// @param firstExpert global number of the first local expert
/// @param localExperts experts of this device
/// @param alignment every segment begins at a multiple of this many rows; 1 for no padding
public record MoeDispatch(int maxTokens, int topK, int firstExpert, int localExperts, int alignment)
        implements KernelSpec<MoeDispatch.Args> {
    /// Operands, as tabled at [MoeDispatch].
    public record Args(
            Tensor indices,
            Tensor segmentStart,
            Tensor segmentCount,
            Tensor rowToken,
            Tensor rowSlot,
            Tensor tokenRow,
            @Nullable Tensor activeRows)
            implements KernelArgs {
        public Args {
            Objects.requireNonNull(indices, "indices");
            Objects.requireNonNull(segmentStart, "segmentStart");
            Objects.requireNonNull(segmentCount, "segmentCount");
            Objects.requireNonNull(rowToken, "rowToken");
            Objects.requireNonNull(rowSlot, "rowSlot");
            Objects.requireNonNull(tokenRow, "tokenRow");
        }

        /// {@return the operands of a dispatch whose tokens are all live}
        public static Args of(
                Tensor indices,
                Tensor segmentStart,
                Tensor segmentCount,
                Tensor rowToken,
                Tensor rowSlot,
                Tensor tokenRow) {
            return new Args(indices, segmentStart, segmentCount, rowToken, rowSlot, tokenRow, null);
        }

        /// {@return these with the number of live tokens}
        public Args withActiveRows(@Nullable Tensor count) {
            return new Args(
                    indices, segmentStart, segmentCount, rowToken, rowSlot, tokenRow, count);
        }

        @Override
        public Operands operands() {
            return Operands.of()
                    .read("indices", indices)
                    .write("segmentStart", segmentStart)
                    .write("segmentCount", segmentCount)
                    .write("rowToken", rowToken)
                    .write("rowSlot", rowSlot)
                    .write("tokenRow", tokenRow)
                    .read("activeRows", activeRows);
        }
    }

    public MoeDispatch {
        Require.positive("maxTokens", maxTokens);
        Require.positive("topK", topK);
        Require.notNegative("firstExpert", firstExpert);
        Require.positive("localExperts", localExperts);
        Require.positive("alignment", alignment);
        long rows = rows(maxTokens, topK, localExperts, alignment);
        Require.that(
                rows <= Integer.MAX_VALUE,
                "maxTokens "
                        + maxTokens
                        + " with topK "
                        + topK
                        + " and alignment "
                        + alignment
                        + " needs "
                        + rows
                        + " rows, more than an I32 counts");
    }

    /// {@return a dispatch to all experts of a layer, without padding}
    public static MoeDispatch of(int maxTokens, int topK, int experts) {
        return new MoeDispatch(maxTokens, topK, 0, experts, 1);
    }

    /// {@return this dispatch to the experts of one device}
    public MoeDispatch withLocalExperts(int first, int count) {
        return new MoeDispatch(maxTokens, topK, first, count, alignment);
    }

    /// {@return this dispatch with segments that begin at multiples of `rows`}
    public MoeDispatch withAlignment(int rows) {
        return new MoeDispatch(maxTokens, topK, firstExpert, localExperts, rows);
    }

    /// {@return rows that `maxTokens` tokens can need at most, padding included}
    public int maxRows() {
        return maxRows(maxTokens);
    }

    /// {@return rows that `tokens` tokens can need at most, padding included}
    ///
    /// Every choice may be local, and no more segments than choices can need padding.
    public int maxRows(long tokens) {
        return (int) rows(tokens, topK, localExperts, alignment);
    }

    private static long rows(long tokens, int topK, int localExperts, int alignment) {
        long choices = tokens * topK;
        long padded = choices + Math.min(choices, localExperts) * (alignment - 1);
        return padded / alignment * alignment;
    }

    @Override
    public void validate(Args args) {
        long tokens = Require.rows("indices", args.indices, DType.I32, maxTokens, topK);
        Require.tensor("segmentStart", args.segmentStart, DType.I32, localExperts);
        Require.tensor("segmentCount", args.segmentCount, DType.I32, localExperts);
        long rows = Require.rows("rowToken", args.rowToken, DType.I32, maxRows());
        Require.that(
                rows >= maxRows(tokens),
                "rowToken has "
                        + rows
                        + " rows, but "
                        + tokens
                        + " tokens can need "
                        + maxRows(tokens));
        Require.tensor("rowSlot", args.rowSlot, DType.I32, rows);
        Require.tensor("tokenRow", args.tokenRow, DType.I32, tokens, topK);
        Require.optional("activeRows", args.activeRows, DType.I32, 1);
    }

    @Override
    public Cost cost() {
        return cost(maxTokens, maxRows());
    }

    @Override
    public Cost cost(Args args) {
        return cost(args.indices.dim(0), args.rowToken.dim(0));
    }

    private Cost cost(double tokens, double rows) {
        return new Cost(0, 4.0 * (2.0 * tokens * topK + 2.0 * rows + 2.0 * localExperts));
    }
}
