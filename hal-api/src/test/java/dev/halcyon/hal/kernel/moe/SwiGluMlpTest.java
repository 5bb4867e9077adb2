package dev.halcyon.hal.kernel.moe;

import static dev.halcyon.hal.kernel.AbsentMemory.assertRefused;
import static dev.halcyon.hal.kernel.AbsentMemory.packed;
import static dev.halcyon.hal.kernel.AbsentMemory.quantized;
import static dev.halcyon.hal.kernel.AbsentMemory.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.kernel.LoweringWalk;
import dev.halcyon.hal.kernel.elementwise.SwiGlu;
import dev.halcyon.hal.kernel.linear.Gemm;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.QuantizationScheme;
import dev.halcyon.hal.memory.WeightFormat;

import org.junit.jupiter.api.Test;

import java.util.List;

class SwiGluMlpTest {
    private static final WeightFormat BF16 = WeightFormat.rowMajor(DType.BF16);
    private static final SwiGluMlp MLP = SwiGluMlp.of(6, 16, 24, BF16, DType.BF16);

    private static SwiGluMlp.Args args(long rows) {
        return SwiGluMlp.Args.of(
                tensor(DType.BF16, rows, 16),
                tensor(DType.BF16, 24, 16),
                tensor(DType.BF16, 24, 16),
                tensor(DType.BF16, 16, 24),
                tensor(DType.BF16, rows, 16));
    }

    @Test
    void refusesWhatMakesNoNetwork() {
        assertRefused(() -> SwiGluMlp.of(6, 16, 0, BF16, DType.BF16), "dim", "0");
        assertRefused(() -> MLP.withLimit(0), "limit", "0.0");
        assertRefused(() -> MLP.withFormats(BF16.listed(), BF16), "gateUp", "listed");
        assertRefused(() -> MLP.withFormats(BF16, BF16.listed()), "down", "listed");
        assertRefused(() -> MLP.withTypes(DType.BF16, DType.I8, DType.BF16), "intermediate", "I8");
    }

    @Test
    void refusesWeightsOfAnotherShapeOrFormat() {
        SwiGluMlp.Args good = args(4);
        MLP.validate(good);
        assertRefused(
                () ->
                        MLP.validate(
                                SwiGluMlp.Args.of(
                                        good.x(), good.down(), good.up(), good.down(), good.out())),
                "gate",
                "[24, 16]",
                "[16, 24]");
        SwiGluMlp quantizedUp =
                MLP.withFormats(WeightFormat.rowMajor(QuantizationScheme.FP8_BLOCK_128), BF16);
        assertRefused(() -> quantizedUp.validate(good), "gate", "F8_E4M3", "BF16");
        quantizedUp.validate(
                SwiGluMlp.Args.of(
                        good.x(),
                        quantized(QuantizationScheme.FP8_BLOCK_128, 24, 16),
                        quantized(QuantizationScheme.FP8_BLOCK_128, 24, 16),
                        good.down(),
                        good.out()));
    }

    @Test
    void costsThreeProducts() {
        double weights = 2.0 * 3 * 24 * 16;
        assertEquals(new Cost(6.0 * 6 * 24 * 16, weights + 2 * 2 * 6 * 16), MLP.cost());
        assertEquals(MLP.cost(), MLP.cost(args(6)));
        assertEquals(new Cost(6.0 * 24 * 16, weights + 2 * 2 * 16), MLP.cost(args(1)));
    }

    @Test
    void quantizedWeightsCostTheirStorage() {
        SwiGluMlp mlp =
                SwiGluMlp.of(
                        1,
                        256,
                        256,
                        WeightFormat.rowMajor(QuantizationScheme.FP8_BLOCK_128),
                        DType.BF16);
        assertEquals(3 * (256 * 256 + 4 * 4) + 2 * 2 * 256, mlp.cost().bytes());
    }

    @Test
    void lowersToThreeProductsAroundTheActivation() {
        SwiGluMlp clamped = MLP.withLimit(10).withBatchInvariant(true);
        SwiGluMlp.Args args = args(4).withActiveRows(tensor(DType.I32, 1));
        LoweringWalk walk = LoweringWalk.of(clamped, args);
        assertEquals(List.of("Gemm", "Gemm", "SwiGlu", "Gemm"), walk.names());
        assertSame(args.gate(), walk.args(0, Gemm.Args.class).b());
        assertSame(args.up(), walk.args(1, Gemm.Args.class).b());
        assertSame(args.down(), walk.args(3, Gemm.Args.class).b());
        assertSame(args.activeRows(), walk.args(3, Gemm.Args.class).activeRows());
        SwiGlu.Args activation = walk.args(2, SwiGlu.Args.class);
        assertSame(activation.gate().buffer(), activation.out().buffer());
        assertEquals(4, activation.gate().dim(0), "cut to the rows at hand");
    }

    @Test
    void lowersWithThePromisesItMakes() {
        SwiGluMlp mlp = MLP.withLimit(10).withBatchInvariant(true);
        List<?> specs =
                mlp.lowering().orElseThrow().steps().stream()
                        .map(step -> (Object) step.spec())
                        .toList();
        Gemm wide = Gemm.linear(6, 16, 24, DType.BF16, BF16, DType.BF16).withBatchInvariant(true);
        Gemm narrow = Gemm.linear(6, 24, 16, DType.BF16, BF16, DType.BF16).withBatchInvariant(true);
        assertEquals(
                List.of(wide, wide, SwiGlu.of(6, 24, DType.BF16).withLimit(10), narrow), specs);
    }

    @Test
    void lowersOverPackedWeightsAndNoRows() {
        WeightFormat tiles = BF16.withLayout("tiles");
        SwiGluMlp mlp = MLP.withFormats(tiles, tiles);
        LoweringWalk.of(
                mlp,
                SwiGluMlp.Args.of(
                        tensor(DType.BF16, 0, 16),
                        packed(tiles, 24, 16),
                        packed(tiles, 24, 16),
                        packed(tiles, 16, 24),
                        tensor(DType.BF16, 0, 16)));
    }

    @Test
    void accumulatesDoublesInDoubles() {
        SwiGluMlp mlp = SwiGluMlp.of(6, 16, 24, WeightFormat.rowMajor(DType.F64), DType.F64);
        assertTrue(
                mlp.lowering().orElseThrow().steps().stream()
                        .map(step -> step.spec())
                        .filter(Gemm.class::isInstance)
                        .allMatch(spec -> ((Gemm) spec).accumulate() == DType.F64));
    }
}
