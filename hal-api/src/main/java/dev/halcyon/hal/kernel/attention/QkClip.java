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

/// Shrinks the query and key projections of every head whose largest logit passed `tau`, so that it
/// would have been `tau`.
///
/// | operand | type and shape | |
/// |---|---|---|
/// | `queryWeight` | `weight [heads * (nopeDim + ropeDim), queryRank]` | per head nope rows, then rope rows; updated |
/// | `kvWeight` | `weight [heads * (nopeDim + valueDim), latentDim]` | per head key rows, then value rows; updated |
/// | `maxLogit` | `F32 [heads]` | from the forward pass of the step: [MlaPrefill], [MlaDecode] |
/// | `eta` | `F32 [heads]` | optional; the factors, for logs |
///
/// `eta_h = min(1, tau / maxLogit_h)`, and 1 where the maximum is not above `tau` (minus infinity,
/// negative, NaN). The query's nope rows of head h are multiplied by `eta^alpha`, its rope rows by
/// `eta`, the key rows by `eta^(1 - alpha)`. Value rows and the rope key, which all heads share,
/// stay as they are. Weights of a head with `eta` 1 keep their bits.
///
/// Run it after the optimizer step, on the master weights. Source: Kimi K2 report (MuonClip),
/// Megatron-LM `multi_latent_attention.py` (the powers).
///
/// @param heads attention heads
/// @param nopeDim values of a head's unrotated part
/// @param ropeDim values of a head's rotated part
/// @param valueDim values of a head's value
/// @param queryRank columns of the query projection: the query latent, or the hidden size where
///   there is none
/// @param latentDim columns of the key-value projection
/// @param tau the largest logit that is left alone
/// @param alpha share of the factor that the query takes, 0 to 1
/// @param weight element type of both weights
public record QkClip(
        int heads,
        int nopeDim,
        int ropeDim,
        int valueDim,
        int queryRank,
        int latentDim,
        double tau,
        double alpha,
        DType weight)
        implements KernelSpec<QkClip.Args> {
    /// Operands, as tabled at [QkClip].
    public record Args(Tensor queryWeight, Tensor kvWeight, Tensor maxLogit, @Nullable Tensor eta)
            implements KernelArgs {
        public Args {
            Objects.requireNonNull(queryWeight, "queryWeight");
            Objects.requireNonNull(kvWeight, "kvWeight");
            Objects.requireNonNull(maxLogit, "maxLogit");
        }

        /// {@return the operands of a clip that does not report its factors}
        public static Args of(Tensor queryWeight, Tensor kvWeight, Tensor maxLogit) {
            return new Args(queryWeight, kvWeight, maxLogit, null);
        }

        /// {@return these with room for the factors}
        public Args withEta(@Nullable Tensor factors) {
            return new Args(queryWeight, kvWeight, maxLogit, factors);
        }

        @Override
        public Operands operands() {
            return Operands.of()
                    .update("queryWeight", queryWeight)
                    .update("kvWeight", kvWeight)
                    .read("maxLogit", maxLogit)
                    .write("eta", eta);
        }
    }

    public QkClip {
        Require.positive("heads", heads);
        Require.positive("nopeDim", nopeDim);
        Require.notNegative("ropeDim", ropeDim);
        Require.positive("valueDim", valueDim);
        Require.positive("queryRank", queryRank);
        Require.positive("latentDim", latentDim);
        Require.positive("tau", tau);
        Require.that(alpha >= 0 && alpha <= 1, "alpha must be between 0 and 1, not " + alpha);
        Require.activation("weight", weight);
    }

    /// {@return the clip of Kimi K2 on F32 master weights: tau 100, the factor shared evenly}
    public static QkClip of(
            int heads, int nopeDim, int ropeDim, int valueDim, int queryRank, int latentDim) {
        return new QkClip(
                heads, nopeDim, ropeDim, valueDim, queryRank, latentDim, 100, 0.5, DType.F32);
    }

    /// {@return this clip at another logit}
    public QkClip withTau(double logit) {
        return new QkClip(
                heads, nopeDim, ropeDim, valueDim, queryRank, latentDim, logit, alpha, weight);
    }

    /// {@return this clip with another share for the query}
    public QkClip withAlpha(double share) {
        return new QkClip(
                heads, nopeDim, ropeDim, valueDim, queryRank, latentDim, tau, share, weight);
    }

    /// {@return this clip of weights of another type}
    public QkClip withWeight(DType dtype) {
        return new QkClip(
                heads, nopeDim, ropeDim, valueDim, queryRank, latentDim, tau, alpha, dtype);
    }

    @Override
    public void validate(Args args) {
        Require.tensor(
                "queryWeight",
                args.queryWeight,
                weight,
                heads * ((long) nopeDim + ropeDim),
                queryRank);
        Require.tensor(
                "kvWeight", args.kvWeight, weight, heads * ((long) nopeDim + valueDim), latentDim);
        Require.tensor("maxLogit", args.maxLogit, DType.F32, heads);
        Require.optional("eta", args.eta, DType.F32, heads);
    }

    /// {@return the cost if every head is clipped}
    @Override
    public Cost cost() {
        double elements =
                heads * (((double) nopeDim + ropeDim) * queryRank + (double) nopeDim * latentDim);
        return new Cost(elements, elements * weight.bits() / 4 + 4.0 * heads);
    }
}
