package dev.halcyon.hal.kernel.linear;

import static dev.halcyon.hal.kernel.AbsentMemory.assertRefused;
import static dev.halcyon.hal.kernel.AbsentMemory.packed;
import static dev.halcyon.hal.kernel.AbsentMemory.quantized;
import static dev.halcyon.hal.kernel.AbsentMemory.spaced;
import static dev.halcyon.hal.kernel.AbsentMemory.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.kernel.Operands;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Operand;
import dev.halcyon.hal.memory.QuantizationScheme;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.TensorList;
import dev.halcyon.hal.memory.WeightFormat;

import org.junit.jupiter.api.Test;

import java.util.List;

class GemmTest {
    private static final WeightFormat F32 = WeightFormat.rowMajor(DType.F32);
    private static final Gemm LINEAR = Gemm.linear(8, 64, 32, DType.F32, F32, DType.F32);
    private static final Gemm BATCHED = Gemm.batched(4, 8, 32, 64, DType.F32, F32, DType.F32);

    private static Gemm.Args args(Tensor a, Operand b, Tensor out) {
        return Gemm.Args.of(a, b, out);
    }

    private static Tensor f32(long... dims) {
        return tensor(DType.F32, dims);
    }

    @Test
    void refusesImpossibleComponents() {
        assertRefused(() -> Gemm.linear(0, 64, 32, DType.F32, F32, DType.F32), "maxM", "0");
        assertRefused(() -> Gemm.linear(8, -1, 32, DType.F32, F32, DType.F32), "k", "-1");
        assertRefused(() -> Gemm.linear(8, 64, 0, DType.F32, F32, DType.F32), "n", "0");
        assertRefused(() -> Gemm.batched(0, 8, 32, 64, DType.F32, F32, DType.F32), "maxBatch", "0");
        assertRefused(() -> Gemm.linear(8, 64, 32, DType.I8, F32, DType.F32), "a", "I8");
        assertRefused(
                () -> Gemm.linear(8, 64, 32, DType.F32, WeightFormat.rowMajor(DType.I4), DType.F32),
                "b",
                "I4");
        assertRefused(
                () -> Gemm.linear(8, 64, 32, DType.F32, F32, DType.F8_E4M3), "out", "F8_E4M3");
        assertRefused(() -> LINEAR.withAccumulate(DType.BF16), "accumulate", "BF16");
        assertRefused(() -> LINEAR.withFactors(Double.NaN, 0), "alpha", "NaN");
        assertRefused(() -> LINEAR.withFactors(1, Double.NEGATIVE_INFINITY), "beta", "-Infinity");
    }

    @Test
    void linearTakesTheWeightAsOutByIn() {
        LINEAR.validate(args(f32(5, 64), f32(32, 64), f32(5, 32)));
        LINEAR.validate(args(f32(0, 64), f32(32, 64), f32(0, 32)));
        assertRefused(
                () -> LINEAR.validate(args(f32(5, 64), f32(64, 32), f32(5, 32))),
                "b",
                "[32, 64]",
                "[64, 32]");
        assertRefused(() -> LINEAR.validate(args(f32(5, 63), f32(32, 64), f32(5, 32))), "a", "63");
        assertRefused(
                () -> LINEAR.validate(args(f32(5, 64), f32(32, 64), f32(4, 32))),
                "out",
                "[5, 32]",
                "[4, 32]");
        assertRefused(() -> LINEAR.validate(args(f32(9, 64), f32(32, 64), f32(9, 32))), "9", "8");
    }

    @Test
    void takesEveryTransposition() {
        LINEAR.withTransposed(false, false).validate(args(f32(5, 64), f32(64, 32), f32(5, 32)));
        LINEAR.withTransposed(true, false).validate(args(f32(64, 5), f32(64, 32), f32(5, 32)));
        LINEAR.withTransposed(true, true).validate(args(f32(64, 5), f32(32, 64), f32(5, 32)));
        assertRefused(
                () ->
                        LINEAR.withTransposed(true, true)
                                .validate(args(f32(5, 64), f32(32, 64), f32(5, 32))),
                "64",
                "8");
    }

    @Test
    void batchesEverythingOrShareB() {
        BATCHED.validate(args(f32(3, 5, 64), f32(3, 64, 32), f32(3, 5, 32)));
        BATCHED.validate(args(f32(3, 5, 64), f32(64, 32), f32(3, 5, 32)));
        BATCHED.validate(args(f32(5, 64), f32(64, 32), f32(5, 32)));
        BATCHED.validate(args(f32(0, 5, 64), f32(0, 64, 32), f32(0, 5, 32)));
        TensorList list = new TensorList(List.of(f32(64, 32), f32(64, 32)));
        Gemm listed = Gemm.batched(4, 8, 32, 64, DType.F32, F32.listed(), DType.F32);
        listed.validate(args(f32(2, 5, 64), list, f32(2, 5, 32)));
        assertRefused(
                () -> listed.validate(args(f32(3, 5, 64), list, f32(3, 5, 32))),
                "b",
                "[3, 64, 32]");
        assertRefused(() -> BATCHED.validate(args(f32(5, 64), f32(1, 64, 32), f32(5, 32))), "b");
        assertRefused(
                () -> BATCHED.validate(args(f32(3, 5, 64), f32(3, 64, 32), f32(5, 32))),
                "out",
                "3 dimensions");
        assertRefused(
                () -> BATCHED.validate(args(f32(5, 5, 64), f32(64, 32), f32(5, 5, 32))),
                "batch",
                "5",
                "4");
        assertRefused(
                () -> BATCHED.validate(args(f32(64), f32(64, 32), f32(32))), "a", "two dimensions");
    }

    @Test
    void takesTheHeadsOfOneTensorWithoutCopying() {
        Tensor query = f32(5, 4, 64).transpose(0, 1);
        Tensor out = f32(5, 4, 32).transpose(0, 1);
        BATCHED.validate(args(query, f32(4, 64, 32), out));
        BATCHED.validate(args(query, f32(4, 128, 32).slice(1, 64, 128), out));
        LINEAR.validate(
                args(
                        spaced(DType.F32, 5, 64),
                        spaced(DType.F32, 32, 64),
                        spaced(DType.F32, 5, 32)));
        assertRefused(
                () -> LINEAR.validate(args(f32(64, 5).transpose(0, 1), f32(32, 64), f32(5, 32))),
                "a",
                "stride 1");
    }

    @Test
    void readsWeightsAsTheSpecSaysTheyAreStored() {
        WeightFormat blocks = WeightFormat.rowMajor(QuantizationScheme.FP8_BLOCK_128);
        Gemm quantizedGemm = Gemm.linear(8, 256, 130, DType.BF16, blocks, DType.BF16);
        Tensor a = tensor(DType.BF16, 5, 256);
        Tensor out = tensor(DType.BF16, 5, 130);
        quantizedGemm.validate(args(a, quantized(QuantizationScheme.FP8_BLOCK_128, 130, 256), out));
        assertRefused(
                () -> quantizedGemm.validate(args(a, tensor(DType.BF16, 130, 256), out)),
                "b",
                "F8_E4M3/F32 128x128");

        WeightFormat tiles = blocks.withLayout("tiles");
        Gemm packedGemm = Gemm.linear(8, 256, 130, DType.BF16, tiles, DType.BF16);
        packedGemm.validate(args(a, packed(tiles, 130, 256), out));
        assertRefused(
                () ->
                        packedGemm.validate(
                                args(
                                        a,
                                        quantized(QuantizationScheme.FP8_BLOCK_128, 130, 256),
                                        out)),
                "b",
                "tiles",
                "PackWeight");
    }

    @Test
    void sumsOverNothing() {
        Gemm empty = Gemm.linear(8, 0, 32, DType.F32, F32, DType.F32).withFactors(1, 0.5);
        empty.validate(args(f32(5, 0), f32(32, 0), f32(5, 32)));
        assertEquals(0, empty.cost().flops());
    }

    @Test
    void readsOutOnlyIfBetaIsNotZero() {
        Gemm.Args args = args(f32(5, 64), f32(32, 64), f32(5, 32));
        assertEquals(Operands.Mode.WRITE, LINEAR.operands(args).accesses().getLast().mode());
        assertEquals(
                Operands.Mode.UPDATE,
                LINEAR.withFactors(1, 1).operands(args).accesses().getLast().mode());
        assertEquals(Operands.Mode.UPDATE, args.operands().accesses().getLast().mode());
        assertEquals(LINEAR.cost().bytes() + 4 * 8 * 32, LINEAR.withFactors(1, 1).cost().bytes());
    }

    @Test
    void costsTwoOperationsForEachProduct() {
        assertEquals(new Cost(2.0 * 8 * 32 * 64, 4 * (8 * 64 + 32 * 64 + 8 * 32)), LINEAR.cost());
        assertEquals(2.0 * 4 * 8 * 32 * 64, BATCHED.cost().flops());
        assertEquals(
                new Cost(2.0 * 3 * 5 * 32 * 64, 4 * (3 * 5 * 64 + 32 * 64 + 3 * 5 * 32)),
                BATCHED.cost(args(f32(3, 5, 64), f32(64, 32), f32(3, 5, 32))));
        assertEquals(LINEAR.cost().flops(), LINEAR.withTransposed(true, false).cost().flops());
        Gemm large =
                Gemm.linear(
                        1 << 17,
                        7168,
                        129_280,
                        DType.BF16,
                        WeightFormat.rowMajor(DType.BF16),
                        DType.F32);
        assertEquals(2.0 * (1 << 17) * 7168 * 129_280, large.cost().flops());
    }

    @Test
    void countsStoredBytesOfQuantizedWeights() {
        WeightFormat groups = WeightFormat.rowMajor(QuantizationScheme.INT4_GROUP_32);
        Gemm gemm = Gemm.linear(1, 64, 32, DType.BF16, groups, DType.BF16);
        assertEquals(2 * 64 + (32 * 64 / 2 + 2 * 32 * 2) + 2 * 32, gemm.cost().bytes());
    }

    @Test
    void everyComponentIsPartOfTheKey() {
        assertEquals(
                LINEAR,
                Gemm.linear(8, 64, 32, DType.F32, WeightFormat.rowMajor(DType.F32), DType.F32));
        assertNotEquals(LINEAR, LINEAR.withBatchInvariant(true));
        assertNotEquals(LINEAR, LINEAR.withAccumulate(DType.F64));
        assertNotEquals(LINEAR, LINEAR.withTransposed(true, true));
        assertNotEquals(LINEAR, LINEAR.withFactors(2, 0));
        assertNotEquals(
                LINEAR, Gemm.linear(8, 64, 32, DType.F32, F32.withLayout("tiles"), DType.F32));
    }
}
