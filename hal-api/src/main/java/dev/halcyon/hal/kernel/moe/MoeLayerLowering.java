package dev.halcyon.hal.kernel.moe;

import dev.halcyon.hal.kernel.Lowering;
import dev.halcyon.hal.kernel.elementwise.Embedding;
import dev.halcyon.hal.kernel.elementwise.SwiGlu;
import dev.halcyon.hal.kernel.linear.GroupedGemm;
import dev.halcyon.hal.kernel.moe.MoeLayer.Args;
import dev.halcyon.hal.kernel.moe.MoeLayer.WeightPosition;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Operand;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.WeightFormat;

import org.jspecify.annotations.Nullable;

import java.util.Map;
import java.util.Objects;

/// Says a [MoeLayer] in finer specs.
///
/// Rows live in expert order between dispatch and sum. Only as many as the launch's tokens can need
/// take part, so a plan with a large bound does not make a small batch slow.
final class MoeLayerLowering {
    private final MoeLayer layer;
    private final MoeGate gate;
    private final MoeDispatch dispatch;
    private final int rows;
    private final boolean weightBeforeDown;

    MoeLayerLowering(MoeLayer layer) {
        this.layer = layer;
        this.gate = layer.gate();
        this.dispatch = layer.dispatch();
        this.rows = dispatch.maxRows();
        this.weightBeforeDown = layer.position() == WeightPosition.BEFORE_DOWN;
    }

    Lowering<Args> build() {
        Lowering.Builder<Args> lowering = Lowering.builder();
        scratch(lowering);
        route(lowering);
        experts(lowering);
        sum(lowering);
        return lowering.build();
    }

    private void scratch(Lowering.Builder<Args> lowering) {
        int tokens = gate.maxTokens();
        lowering.scratch("indices", DType.I32, tokens, gate.topK())
                .scratch("weights", DType.F32, tokens, gate.topK())
                .scratch("segmentStart", DType.I32, layer.localExperts())
                .scratch("segmentCount", DType.I32, layer.localExperts())
                .scratch("rowToken", DType.I32, rows)
                .scratch("rowSlot", DType.I32, rows)
                .scratch("tokenRow", DType.I32, tokens, gate.topK())
                .scratch("rows", gate.x(), rows, gate.hidden())
                .scratch("gate", layer.intermediate(), rows, layer.expertDim())
                .scratch("up", layer.intermediate(), rows, layer.expertDim())
                .scratch("results", layer.intermediate(), rows, gate.hidden());
        if (weightBeforeDown) {
            lowering.scratch("rowWeight", DType.F32, rows, 1);
        }
    }

    private void route(Lowering.Builder<Args> lowering) {
        lowering.step(
                gate,
                (args, scratch) ->
                        new MoeGate.Args(
                                args.x(),
                                args.gateWeight(),
                                args.gateBias(),
                                args.tokenIds(),
                                args.expertTable(),
                                perToken(args, scratch, "indices", args.indices()),
                                perToken(args, scratch, "weights", args.weights()),
                                null,
                                args.activeRows()));
        lowering.step(
                dispatch,
                (args, scratch) ->
                        new MoeDispatch.Args(
                                perToken(args, scratch, "indices", args.indices()),
                                Scratch.all(scratch, "segmentStart"),
                                Scratch.all(scratch, "segmentCount"),
                                perRow(args, scratch, "rowToken"),
                                perRow(args, scratch, "rowSlot"),
                                perToken(args, scratch, "tokenRow", null),
                                args.activeRows()));
        Embedding gather = Embedding.of(rows, gate.maxTokens(), gate.hidden(), gate.x());
        lowering.step(
                gather,
                (args, scratch) ->
                        Embedding.Args.of(
                                perRow(args, scratch, "rowToken"),
                                args.x(),
                                perRow(args, scratch, "rows")));
        if (weightBeforeDown) {
            Embedding weights = Embedding.of(rows, gate.maxTokens() * gate.topK(), 1, DType.F32);
            lowering.step(
                    weights,
                    (args, scratch) -> {
                        Tensor table = perToken(args, scratch, "weights", args.weights());
                        return Embedding.Args.of(
                                perRow(args, scratch, "rowSlot"),
                                table.reshape(table.elements(), 1),
                                perRow(args, scratch, "rowWeight"));
                    });
        }
    }

    private void experts(Lowering.Builder<Args> lowering) {
        GroupedGemm wide = gemm(layer.expertDim(), gate.hidden(), gate.x(), layer.gateUp());
        GroupedGemm narrow =
                gemm(gate.hidden(), layer.expertDim(), layer.intermediate(), layer.down());
        SwiGlu activation =
                SwiGlu.of(rows, layer.expertDim(), layer.intermediate())
                        .withLimit(layer.limit())
                        .withRowWeight(weightBeforeDown);
        lowering.step(
                wide, (args, scratch) -> product(args, scratch, "rows", args.gateProj(), "gate"));
        lowering.step(wide, (args, scratch) -> product(args, scratch, "rows", args.upProj(), "up"));
        lowering.step(
                activation,
                (args, scratch) -> {
                    Tensor inPlace = perRow(args, scratch, "gate");
                    Tensor weight =
                            weightBeforeDown ? vector(perRow(args, scratch, "rowWeight")) : null;
                    return new SwiGlu.Args(
                            inPlace, perRow(args, scratch, "up"), weight, inPlace, null);
                });
        lowering.step(
                narrow,
                (args, scratch) -> product(args, scratch, "gate", args.downProj(), "results"));
    }

    private void sum(Lowering.Builder<Args> lowering) {
        if (layer.hasShared()) {
            // The shared expert writes straight to the output, where the sum picks it up as its
            // addend.
            lowering.step(
                    layer.shared(),
                    (args, scratch) ->
                            new SwiGluMlp.Args(
                                    args.x(),
                                    Objects.requireNonNull(args.sharedGate(), "sharedGate"),
                                    Objects.requireNonNull(args.sharedUp(), "sharedUp"),
                                    Objects.requireNonNull(args.sharedDown(), "sharedDown"),
                                    args.out(),
                                    args.activeRows()));
        }
        MoeCombine sum =
                MoeCombine.of(dispatch, gate.hidden(), layer.intermediate())
                        .withTypes(layer.intermediate(), layer.out())
                        .withWeights(!weightBeforeDown)
                        .withAddend(layer.hasShared());
        lowering.step(
                sum,
                (args, scratch) ->
                        new MoeCombine.Args(
                                perRow(args, scratch, "results"),
                                perToken(args, scratch, "tokenRow", null),
                                weightBeforeDown
                                        ? null
                                        : perToken(args, scratch, "weights", args.weights()),
                                layer.hasShared() ? args.out() : null,
                                args.out(),
                                args.activeRows()));
    }

    private GroupedGemm gemm(int n, int k, DType a, WeightFormat b) {
        return GroupedGemm.contiguous(layer.localExperts(), rows, n, k, a, b, layer.intermediate())
                .withAccumulate(gate.x() == DType.F64 ? DType.F64 : DType.F32)
                .withBatchInvariant(layer.batchInvariant());
    }

    private GroupedGemm.Args product(
            Args args, Map<String, Tensor> scratch, String from, Operand weights, String to) {
        return GroupedGemm.Args.of(
                perRow(args, scratch, from),
                weights,
                Scratch.all(scratch, "segmentStart"),
                Scratch.all(scratch, "segmentCount"),
                perRow(args, scratch, to));
    }

    private Tensor perRow(Args args, Map<String, Tensor> scratch, String name) {
        return Scratch.rows(scratch, name, dispatch.maxRows(args.x().dim(0)));
    }

    private static Tensor perToken(
            Args args, Map<String, Tensor> scratch, String name, @Nullable Tensor given) {
        return given != null ? given : Scratch.rows(scratch, name, args.x().dim(0));
    }

    private static Tensor vector(Tensor column) {
        return column.reshape(column.dim(0));
    }
}
