package dev.halcyon.hal.kernel.moe;

import static dev.halcyon.hal.kernel.AbsentMemory.packed;
import static dev.halcyon.hal.kernel.AbsentMemory.quantized;
import static dev.halcyon.hal.kernel.AbsentMemory.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.halcyon.hal.kernel.Lowering;
import dev.halcyon.hal.kernel.LoweringWalk;
import dev.halcyon.hal.kernel.elementwise.Embedding;
import dev.halcyon.hal.kernel.elementwise.SwiGlu;
import dev.halcyon.hal.kernel.linear.GroupedGemm;
import dev.halcyon.hal.kernel.moe.MoeGate.Score;
import dev.halcyon.hal.kernel.moe.MoeLayer.WeightPosition;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Operand;
import dev.halcyon.hal.memory.QuantizationScheme;
import dev.halcyon.hal.memory.Shape;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.TensorList;
import dev.halcyon.hal.memory.WeightFormat;

import org.junit.jupiter.api.Test;

import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;

class MoeLayerLoweringTest {
    private static final WeightFormat BF16 = WeightFormat.rowMajor(DType.BF16);
    private static final MoeGate GATE = MoeGate.of(6, 16, 8, 3, Score.SIGMOID, DType.BF16);
    private static final MoeLayer LAYER =
            MoeLayer.of(GATE, 12, BF16).withTypes(DType.F32, DType.BF16);

    private static Tensor bf16(long... dims) {
        return tensor(DType.BF16, dims);
    }

    private static MoeLayer.Args args(long tokens, Operand gate, Operand up, Operand down) {
        return MoeLayer.Args.of(bf16(tokens, 16), bf16(8, 16), gate, up, down, bf16(tokens, 16));
    }

    private static MoeLayer.Args args(long tokens, long experts) {
        return args(tokens, bf16(experts, 12, 16), bf16(experts, 12, 16), bf16(experts, 16, 12));
    }

    @Test
    void weightsMultiplyResultsInTheSum() {
        MoeLayer.Args args = args(4, 8).withActiveRows(tensor(DType.I32, 1));
        LoweringWalk walk = LoweringWalk.of(LAYER, args);
        assertEquals(
                List.of(
                        "MoeGate",
                        "MoeDispatch",
                        "Embedding",
                        "GroupedGemm",
                        "GroupedGemm",
                        "SwiGlu",
                        "GroupedGemm",
                        "MoeCombine"),
                walk.names());
        assertNull(walk.args(5, SwiGlu.Args.class).rowWeight());
        MoeCombine.Args sum = walk.args(7, MoeCombine.Args.class);
        assertTrue(walk.isScratch(Objects.requireNonNull(sum.weights()), "weights"));
        assertNull(sum.addend());
        assertSame(args.out(), sum.out());
        assertSame(args.activeRows(), sum.activeRows());
        assertSame(args.activeRows(), walk.args(0, MoeGate.Args.class).activeRows());
        assertSame(args.activeRows(), walk.args(1, MoeDispatch.Args.class).activeRows());
    }

    @Test
    void weightsMultiplyActivationsBeforeTheLastProduct() {
        LoweringWalk walk =
                LoweringWalk.of(LAYER.withPosition(WeightPosition.BEFORE_DOWN), args(4, 8));
        assertEquals(
                List.of(
                        "MoeGate",
                        "MoeDispatch",
                        "Embedding",
                        "Embedding",
                        "GroupedGemm",
                        "GroupedGemm",
                        "SwiGlu",
                        "GroupedGemm",
                        "MoeCombine"),
                walk.names());
        Embedding.Args weights = walk.args(3, Embedding.Args.class);
        assertTrue(walk.isScratch(weights.ids(), "rowSlot"));
        assertTrue(walk.isScratch(weights.table(), "weights"));
        assertEquals(Shape.of(12, 1), weights.table().shape());
        Tensor rowWeight = Objects.requireNonNull(walk.args(6, SwiGlu.Args.class).rowWeight());
        assertTrue(walk.isScratch(rowWeight, "rowWeight"));
        assertNull(walk.args(8, MoeCombine.Args.class).weights());
    }

    @Test
    void sharedExpertWritesToTheOutputWhereTheSumAddsIt() {
        MoeLayer shared = LAYER.withShared(20, BF16, BF16);
        MoeLayer.Args args = args(4, 8).withShared(bf16(20, 16), bf16(20, 16), bf16(16, 20));
        LoweringWalk walk = LoweringWalk.of(shared, args);
        assertEquals(List.of("SwiGluMlp", "MoeCombine"), walk.names().subList(7, 9));
        assertSame(args.out(), walk.args(7, SwiGluMlp.Args.class).out());
        assertSame(args.out(), walk.args(8, MoeCombine.Args.class).addend());
        assertSame(args.out(), walk.args(8, MoeCombine.Args.class).out());
    }

    @Test
    void routingThatTheCallerWantsIsWrittenToTheCaller() {
        Tensor indices = tensor(DType.I32, 4, 3);
        Tensor weights = tensor(DType.F32, 4, 3);
        MoeLayer layer = LAYER.withPosition(WeightPosition.BEFORE_DOWN);
        Lowering<MoeLayer.Args> lowering = layer.lowering().orElseThrow();
        Map<String, Tensor> scratch =
                lowering.scratch().stream()
                        .collect(
                                Collectors.toMap(
                                        Lowering.Scratch::name,
                                        piece -> tensor(piece.dtype(), piece.shape().toArray())));
        MoeLayer.Args args = args(4, 8).withRouting(indices, weights);
        MoeGate.Args gate = (MoeGate.Args) lowering.steps().get(0).arguments().apply(args, scratch);
        assertSame(indices, gate.indices());
        assertSame(weights, gate.weights());
        MoeDispatch.Args dispatch =
                (MoeDispatch.Args) lowering.steps().get(1).arguments().apply(args, scratch);
        assertSame(indices, dispatch.indices());
        Embedding.Args gather =
                (Embedding.Args) lowering.steps().get(3).arguments().apply(args, scratch);
        assertSame(weights.buffer(), gather.table().buffer());
    }

    @Test
    void scratchIsSizedByTheBounds() {
        Map<String, Lowering.Scratch> scratch =
                LAYER
                        .withPosition(WeightPosition.BEFORE_DOWN)
                        .lowering()
                        .orElseThrow()
                        .scratch()
                        .stream()
                        .collect(Collectors.toMap(Lowering.Scratch::name, piece -> piece));
        assertPiece(scratch, "indices", DType.I32, 6, 3);
        assertPiece(scratch, "weights", DType.F32, 6, 3);
        assertPiece(scratch, "segmentStart", DType.I32, 8);
        assertPiece(scratch, "segmentCount", DType.I32, 8);
        assertPiece(scratch, "rowToken", DType.I32, 18);
        assertPiece(scratch, "rowSlot", DType.I32, 18);
        assertPiece(scratch, "tokenRow", DType.I32, 6, 3);
        assertPiece(scratch, "rows", DType.BF16, 18, 16);
        assertPiece(scratch, "gate", DType.F32, 18, 12);
        assertPiece(scratch, "up", DType.F32, 18, 12);
        assertPiece(scratch, "results", DType.F32, 18, 16);
        assertPiece(scratch, "rowWeight", DType.F32, 18, 1);
        assertEquals(12, scratch.size());
    }

    private static void assertPiece(
            Map<String, Lowering.Scratch> scratch, String name, DType dtype, long... dims) {
        assertEquals(new Lowering.Scratch(name, dtype, Shape.of(dims)), scratch.get(name));
    }

    @Test
    void onlyRowsThatTheTokensCanNeedTakePart() {
        LoweringWalk walk = LoweringWalk.of(LAYER, args(1, 8));
        assertEquals(3, walk.args(3, GroupedGemm.Args.class).a().dim(0));
        assertEquals(3, walk.args(7, MoeCombine.Args.class).rows().dim(0));
        LoweringWalk.of(LAYER, args(0, 8));
    }

    @Test
    void localExpertsKeepTheirGlobalNumbers() {
        MoeLayer local = LAYER.withLocalExperts(5, 3);
        LoweringWalk.of(local, args(4, 3));
        List<?> specs = specs(local);
        assertEquals(GATE, specs.get(0), "the gate spans all experts");
        assertEquals(new MoeDispatch(6, 3, 5, 3, 1), specs.get(1));
        assertEquals(3, ((GroupedGemm) specs.get(3)).groups());
    }

    @Test
    void finerSpecsCarryThePromisesOfTheLayer() {
        MoeLayer layer =
                LAYER.withBatchInvariant(true).withLimit(10).withFormats(BF16.listed(), BF16);
        List<?> specs = specs(layer);
        GroupedGemm wide =
                GroupedGemm.contiguous(8, 18, 12, 16, DType.BF16, BF16.listed(), DType.F32)
                        .withBatchInvariant(true);
        GroupedGemm narrow =
                GroupedGemm.contiguous(8, 18, 16, 12, DType.F32, BF16, DType.F32)
                        .withBatchInvariant(true);
        assertEquals(wide, specs.get(3));
        assertEquals(wide, specs.get(4));
        assertEquals(SwiGlu.of(18, 12, DType.F32).withLimit(10), specs.get(5));
        assertEquals(narrow, specs.get(6));
        assertEquals(
                new MoeCombine(6, 3, 16, 18, DType.F32, DType.BF16, true, false), specs.get(7));
    }

    private static List<?> specs(MoeLayer layer) {
        return layer.lowering().orElseThrow().steps().stream()
                .map(step -> (Object) step.spec())
                .toList();
    }

    @Test
    void expertsMayLieAnywhereAndBeQuantized() {
        QuantizationScheme scheme = QuantizationScheme.FP8_BLOCK_128;
        WeightFormat listed = WeightFormat.rowMajor(scheme).listed();
        MoeLayer layer = LAYER.withFormats(listed, listed);
        LoweringWalk walk =
                LoweringWalk.of(
                        layer,
                        args(
                                4,
                                new TensorList(Collections.nCopies(8, quantized(scheme, 12, 16))),
                                new TensorList(Collections.nCopies(8, quantized(scheme, 12, 16))),
                                new TensorList(Collections.nCopies(8, quantized(scheme, 16, 12)))));
        assertEquals(listed, walk.args(6, GroupedGemm.Args.class).b().format());
    }

    @Test
    void expertsMayBePackedTogetherOrEach() {
        WeightFormat tiles = BF16.withLayout("tiles");
        LoweringWalk.of(
                LAYER.withFormats(tiles, tiles.listed()),
                args(
                        4,
                        packed(tiles, 8, 12, 16),
                        packed(tiles, 8, 12, 16),
                        new TensorList(Collections.nCopies(8, packed(tiles, 16, 12)))));
    }

    @Test
    void biasedAndHashedGatesGetTheirOperands() {
        MoeLayer biased = MoeLayer.of(GATE.withBias(true), 12, BF16);
        LoweringWalk.of(biased, args(4, 8).withGateBias(tensor(DType.F32, 8)));
        MoeLayer hashed = MoeLayer.of(GATE.withHash(100), 12, BF16);
        LoweringWalk.of(
                hashed, args(4, 8).withHash(tensor(DType.I32, 4), tensor(DType.I64, 100, 3)));
    }
}
