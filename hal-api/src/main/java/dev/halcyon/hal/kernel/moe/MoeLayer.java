package dev.halcyon.hal.kernel.moe;

import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.kernel.Lowering;
import dev.halcyon.hal.kernel.Operands;
import dev.halcyon.hal.kernel.Require;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Operand;
import dev.halcyon.hal.memory.Shape;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.WeightFormat;

import org.jspecify.annotations.Nullable;

import java.util.Objects;
import java.util.Optional;

/// A mixture-of-experts feed-forward layer as a whole: the gate over all experts, the local
/// experts, the shared expert.
///
/// | operand | type and shape | |
/// |---|---|---|
/// | `x` | `gate.x [T, D]` | T up to `gate.maxTokens`, D = `gate.hidden` |
/// | `gateWeight`, `gateBias`, `tokenIds`, `expertTable` | as [MoeGate] has them | |
/// | `gateProj`, `upProj` | `gateUp [L, F, D]` | the local experts: L = `localExperts`, F = `expertDim` |
/// | `downProj` | `down [L, D, F]` | |
/// | `sharedGate`, `sharedUp` | `sharedGateUp [S, D]` | exactly when S = `sharedDim` is above 0 |
/// | `sharedDown` | `sharedDown [D, S]` | likewise |
/// | `out` | `out [T, D]` | |
/// | `indices`, `weights` | `I32`, `F32 [T, topK]`, contiguous | optional: what the gate chose |
/// | `activeRows` | `I32 [1]` | optional; tokens at and beyond it go to no expert |
///
/// ```
/// expert(x) = swiglu(x gateᵀ, x upᵀ) downᵀ
/// out[t] = Σ_k w[t, k] · expert_{i[t, k]}(x[t]) + shared(x[t])
/// ```
///
/// summed over ascending k as [MoeCombine] does. `swiglu` clamps at `limit`, in the shared expert
/// too. With [WeightPosition#BEFORE_DOWN] the weight multiplies what `swiglu` returns, before it is
/// rounded to `intermediate`; otherwise it multiplies the expert's result.
///
/// *Expert parallelism.* The gate spans all experts and the weights hold those of this device,
/// `firstExpert` onwards; choices of other experts add nothing. Devices' results sum up to the
/// layer's, if one of them has the shared expert and the others have none.
///
/// Source: DeepSeek-V3 and V4 `inference/model.py` (MoE, Expert).
///
/// @param gate the router
/// @param expertDim values of a row inside an expert
/// @param sharedDim values of a row inside the shared expert; 0 for none
/// @param firstExpert global number of the first local expert
/// @param localExperts experts of this device
/// @param gateUp storage of the local experts' `gateProj` and `upProj`
/// @param down storage of the local experts' `downProj`
/// @param sharedGateUp storage of `sharedGate` and `sharedUp`; without effect where there is no
///   shared expert
/// @param sharedDown storage of `sharedDown`; likewise
/// @param limit clamps the projections; positive infinity for none
/// @param position where a routed weight multiplies
/// @param intermediate element type between the products, and of the experts' results before they
///   are summed
/// @param out element type of the result
/// @param batchInvariant whether a token's result may not depend on the other tokens
public record MoeLayer(
        MoeGate gate,
        int expertDim,
        int sharedDim,
        int firstExpert,
        int localExperts,
        WeightFormat gateUp,
        WeightFormat down,
        WeightFormat sharedGateUp,
        WeightFormat sharedDown,
        double limit,
        WeightPosition position,
        DType intermediate,
        DType out,
        boolean batchInvariant)
        implements KernelSpec<MoeLayer.Args> {
    /// Where the weight of a routed expert multiplies.
    public enum WeightPosition {
        /// The expert's result: DeepSeek-V3, Kimi K2.
        AFTER_DOWN,
        /// The expert's activation, before the last product: DeepSeek-V4.
        BEFORE_DOWN
    }

    /// Operands, as tabled at [MoeLayer].
    public record Args(
            Tensor x,
            Tensor gateWeight,
            @Nullable Tensor gateBias,
            @Nullable Tensor tokenIds,
            @Nullable Tensor expertTable,
            Operand gateProj,
            Operand upProj,
            Operand downProj,
            @Nullable Operand sharedGate,
            @Nullable Operand sharedUp,
            @Nullable Operand sharedDown,
            Tensor out,
            @Nullable Tensor indices,
            @Nullable Tensor weights,
            @Nullable Tensor activeRows)
            implements KernelArgs {
        public Args {
            Objects.requireNonNull(x, "x");
            Objects.requireNonNull(gateWeight, "gateWeight");
            Objects.requireNonNull(gateProj, "gateProj");
            Objects.requireNonNull(upProj, "upProj");
            Objects.requireNonNull(downProj, "downProj");
            Objects.requireNonNull(out, "out");
        }

        /// {@return the operands of a layer with an unbiased, scored gate and no shared expert}
        public static Args of(
                Tensor x,
                Tensor gateWeight,
                Operand gateProj,
                Operand upProj,
                Operand downProj,
                Tensor out) {
            return new Args(
                    x,
                    gateWeight,
                    null,
                    null,
                    null,
                    gateProj,
                    upProj,
                    downProj,
                    null,
                    null,
                    null,
                    out,
                    null,
                    null,
                    null);
        }

        /// {@return these with the selection bias of the gate}
        public Args withGateBias(@Nullable Tensor bias) {
            return new Args(
                    x,
                    gateWeight,
                    bias,
                    tokenIds,
                    expertTable,
                    gateProj,
                    upProj,
                    downProj,
                    sharedGate,
                    sharedUp,
                    sharedDown,
                    out,
                    indices,
                    weights,
                    activeRows);
        }

        /// {@return these with the operands of a hashed gate}
        public Args withHash(@Nullable Tensor ids, @Nullable Tensor table) {
            return new Args(
                    x,
                    gateWeight,
                    gateBias,
                    ids,
                    table,
                    gateProj,
                    upProj,
                    downProj,
                    sharedGate,
                    sharedUp,
                    sharedDown,
                    out,
                    indices,
                    weights,
                    activeRows);
        }

        /// {@return these with the weights of the shared expert}
        public Args withShared(
                @Nullable Operand gate, @Nullable Operand up, @Nullable Operand down) {
            return new Args(
                    x,
                    gateWeight,
                    gateBias,
                    tokenIds,
                    expertTable,
                    gateProj,
                    upProj,
                    downProj,
                    gate,
                    up,
                    down,
                    out,
                    indices,
                    weights,
                    activeRows);
        }

        /// {@return these with room for what the gate chose}
        public Args withRouting(@Nullable Tensor chosen, @Nullable Tensor factors) {
            return new Args(
                    x,
                    gateWeight,
                    gateBias,
                    tokenIds,
                    expertTable,
                    gateProj,
                    upProj,
                    downProj,
                    sharedGate,
                    sharedUp,
                    sharedDown,
                    out,
                    chosen,
                    factors,
                    activeRows);
        }

        /// {@return these with the number of live tokens}
        public Args withActiveRows(@Nullable Tensor count) {
            return new Args(
                    x,
                    gateWeight,
                    gateBias,
                    tokenIds,
                    expertTable,
                    gateProj,
                    upProj,
                    downProj,
                    sharedGate,
                    sharedUp,
                    sharedDown,
                    out,
                    indices,
                    weights,
                    count);
        }

        @Override
        public Operands operands() {
            return Operands.of()
                    .read("x", x)
                    .read("gateWeight", gateWeight)
                    .read("gateBias", gateBias)
                    .read("tokenIds", tokenIds)
                    .read("expertTable", expertTable)
                    .read("gateProj", gateProj)
                    .read("upProj", upProj)
                    .read("downProj", downProj)
                    .read("sharedGate", sharedGate)
                    .read("sharedUp", sharedUp)
                    .read("sharedDown", sharedDown)
                    .write("out", out)
                    .write("indices", indices)
                    .write("weights", weights)
                    .read("activeRows", activeRows);
        }
    }

    public MoeLayer {
        Objects.requireNonNull(gate, "gate");
        Require.positive("expertDim", expertDim);
        Require.notNegative("sharedDim", sharedDim);
        Require.between("firstExpert", firstExpert, 0, gate.experts() - 1);
        Require.between("localExperts", localExperts, 1, gate.experts() - firstExpert);
        Objects.requireNonNull(gateUp, "gateUp");
        Objects.requireNonNull(down, "down");
        if (sharedDim == 0) {
            // Layers that differ in nothing that matters must be one cache key.
            sharedGateUp = WeightFormat.rowMajor(gate.x());
            sharedDown = sharedGateUp;
        }
        Require.that(
                !sharedGateUp.isListed(),
                "sharedGateUp must be one matrix, not a list: " + sharedGateUp);
        Require.that(
                !sharedDown.isListed(), "sharedDown must be one matrix, not a list: " + sharedDown);
        Require.that(
                limit > 0, "limit must be above 0, or positive infinity for none, not " + limit);
        Objects.requireNonNull(position, "position");
        Require.activation("intermediate", intermediate);
        Require.activation("out", out);
        long rows = (long) gate.maxTokens() * gate.topK();
        Require.that(
                rows <= Integer.MAX_VALUE,
                "gate has "
                        + gate.maxTokens()
                        + " tokens and topK "
                        + gate.topK()
                        + ": "
                        + rows
                        + " rows, more than an I32 counts");
    }

    /// {@return a layer of local experts alone: no shared expert, no limit, weights after the last
    /// product, all rows of the gate's type}
    public static MoeLayer of(MoeGate gate, int expertDim, WeightFormat experts) {
        return new MoeLayer(
                gate,
                expertDim,
                0,
                0,
                gate.experts(),
                experts,
                experts,
                experts,
                experts,
                Double.POSITIVE_INFINITY,
                WeightPosition.AFTER_DOWN,
                gate.x(),
                gate.x(),
                false);
    }

    /// {@return this layer with a shared expert}
    public MoeLayer withShared(int dim, WeightFormat gateAndUp, WeightFormat last) {
        return new MoeLayer(
                gate,
                expertDim,
                dim,
                firstExpert,
                localExperts,
                gateUp,
                down,
                gateAndUp,
                last,
                limit,
                position,
                intermediate,
                out,
                batchInvariant);
    }

    /// {@return this layer with the experts of one device}
    public MoeLayer withLocalExperts(int first, int count) {
        return new MoeLayer(
                gate,
                expertDim,
                sharedDim,
                first,
                count,
                gateUp,
                down,
                sharedGateUp,
                sharedDown,
                limit,
                position,
                intermediate,
                out,
                batchInvariant);
    }

    /// {@return this layer with other storage of the local experts}
    public MoeLayer withFormats(WeightFormat gateAndUp, WeightFormat last) {
        return new MoeLayer(
                gate,
                expertDim,
                sharedDim,
                firstExpert,
                localExperts,
                gateAndUp,
                last,
                sharedGateUp,
                sharedDown,
                limit,
                position,
                intermediate,
                out,
                batchInvariant);
    }

    /// {@return this layer with clamped projections}
    public MoeLayer withLimit(double clamp) {
        return new MoeLayer(
                gate,
                expertDim,
                sharedDim,
                firstExpert,
                localExperts,
                gateUp,
                down,
                sharedGateUp,
                sharedDown,
                clamp,
                position,
                intermediate,
                out,
                batchInvariant);
    }

    /// {@return this layer with the routed weights elsewhere}
    public MoeLayer withPosition(WeightPosition where) {
        return new MoeLayer(
                gate,
                expertDim,
                sharedDim,
                firstExpert,
                localExperts,
                gateUp,
                down,
                sharedGateUp,
                sharedDown,
                limit,
                where,
                intermediate,
                out,
                batchInvariant);
    }

    /// {@return this layer with other element types behind the gate}
    public MoeLayer withTypes(DType between, DType to) {
        return new MoeLayer(
                gate,
                expertDim,
                sharedDim,
                firstExpert,
                localExperts,
                gateUp,
                down,
                sharedGateUp,
                sharedDown,
                limit,
                position,
                between,
                to,
                batchInvariant);
    }

    /// {@return this layer with or without the promise of batch invariance}
    public MoeLayer withBatchInvariant(boolean promised) {
        return new MoeLayer(
                gate,
                expertDim,
                sharedDim,
                firstExpert,
                localExperts,
                gateUp,
                down,
                sharedGateUp,
                sharedDown,
                limit,
                position,
                intermediate,
                out,
                promised);
    }

    /// {@return whether there is a shared expert}
    public boolean hasShared() {
        return sharedDim > 0;
    }

    /// {@return the dispatch of the lowering: no padding}
    public MoeDispatch dispatch() {
        return new MoeDispatch(gate.maxTokens(), gate.topK(), firstExpert, localExperts, 1);
    }

    /// {@return the shared expert}
    ///
    /// @throws IllegalStateException if there is none
    public SwiGluMlp shared() {
        if (!hasShared()) {
            throw new IllegalStateException("the layer has no shared expert: sharedDim is 0");
        }
        return new SwiGluMlp(
                gate.maxTokens(),
                gate.hidden(),
                sharedDim,
                sharedGateUp,
                sharedDown,
                limit,
                gate.x(),
                intermediate,
                out,
                batchInvariant);
    }

    @Override
    public void validate(Args args) {
        int hidden = gate.hidden();
        long tokens = Require.rows("x", args.x, gate.x(), gate.maxTokens(), hidden);
        Require.tensor("gateWeight", args.gateWeight, gate.weight(), gate.experts(), hidden);
        Require.given("gateBias", args.gateBias, gate.bias());
        Require.optional("gateBias", args.gateBias, DType.F32, gate.experts());
        gate.requireHash(args.tokenIds, args.expertTable, tokens);
        Require.weight("gateProj", args.gateProj, gateUp, localExperts, expertDim, hidden);
        Require.weight("upProj", args.upProj, gateUp, localExperts, expertDim, hidden);
        Require.weight("downProj", args.downProj, down, localExperts, hidden, expertDim);
        sharedWeight("sharedGate", args.sharedGate, sharedGateUp, sharedDim, hidden);
        sharedWeight("sharedUp", args.sharedUp, sharedGateUp, sharedDim, hidden);
        sharedWeight("sharedDown", args.sharedDown, sharedDown, hidden, sharedDim);
        Require.tensor("out", args.out, out, tokens, hidden);
        routing("indices", args.indices, DType.I32, tokens);
        routing("weights", args.weights, DType.F32, tokens);
        Require.optional("activeRows", args.activeRows, DType.I32, 1);
    }

    private void sharedWeight(
            String name, @Nullable Operand operand, WeightFormat format, long rows, long columns) {
        Require.given(name, operand, hasShared());
        if (operand != null) {
            Require.weight(name, operand, format, rows, columns);
        }
    }

    private void routing(String name, @Nullable Tensor tensor, DType dtype, long tokens) {
        if (tensor != null) {
            Require.tensor(name, tensor, dtype, tokens, gate.topK());
            Require.contiguous(name, tensor);
        }
    }

    /// {@return the cost at the bound, choices spread evenly over all experts, each local expert's
    /// weights read once}
    @Override
    public Cost cost() {
        return gate.cost().plus(experts(gate.maxTokens()));
    }

    /// {@return as [#cost()], for the tokens at hand}
    @Override
    public Cost cost(Args args) {
        double tokens = args.x.dim(0);
        return gate.cost(tokens, false).plus(experts(tokens));
    }

    private Cost experts(double tokens) {
        double hidden = gate.hidden();
        double choices = tokens * gate.topK() * localExperts / gate.experts();
        double read = Math.min(localExperts, Math.ceil(choices));
        double oneExpert =
                2.0 * gateUp.bytes(Shape.of(expertDim, gate.hidden()))
                        + down.bytes(Shape.of(gate.hidden(), expertDim));
        double flops =
                6 * choices * hidden * expertDim
                        + 2 * choices * hidden
                        + 6 * tokens * hidden * sharedDim;
        double shared =
                hasShared()
                        ? 2.0 * sharedGateUp.bytes(Shape.of(sharedDim, gate.hidden()))
                                + sharedDown.bytes(Shape.of(gate.hidden(), sharedDim))
                        : 0;
        return new Cost(flops, read * oneExpert + shared + tokens * out.bytes(gate.hidden()));
    }

    /// {@return gate, dispatch, gather, grouped GEMMs around SwiGLU, the shared expert, and the
    /// sum}
    @Override
    public Optional<Lowering<Args>> lowering() {
        return Optional.of(new MoeLayerLowering(this).build());
    }
}
