package dev.halcyon.hal.kernel.linear;

import static dev.halcyon.hal.kernel.AbsentMemory.assertRefused;
import static dev.halcyon.hal.kernel.AbsentMemory.packed;
import static dev.halcyon.hal.kernel.AbsentMemory.quantized;
import static dev.halcyon.hal.kernel.AbsentMemory.spaced;
import static dev.halcyon.hal.kernel.AbsentMemory.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.QuantizationScheme;
import dev.halcyon.hal.memory.TensorList;
import dev.halcyon.hal.memory.WeightFormat;

import org.junit.jupiter.api.Test;

import java.util.Collections;

class PackWeightTest {
    private static final WeightFormat ROWS = WeightFormat.rowMajor(DType.BF16);
    private static final WeightFormat TILES = ROWS.withLayout("tiles");
    private static final PackWeight PACK = PackWeight.matrix(32, 64, ROWS, TILES);

    @Test
    void packsAndUnpacks() {
        PACK.validate(PackWeight.Args.of(tensor(DType.BF16, 32, 64), packed(TILES, 32, 64)));
        PACK.inverse()
                .validate(PackWeight.Args.of(packed(TILES, 32, 64), tensor(DType.BF16, 32, 64)));
        assertEquals(PACK, PACK.inverse().inverse());
        assertNotEquals(PACK, PACK.inverse());
    }

    @Test
    void gathersAListOfExpertsIntoOnePiece() {
        WeightFormat listed = ROWS.listed();
        PackWeight pack = PackWeight.matrices(4, 32, 64, listed, TILES);
        TensorList experts = new TensorList(Collections.nCopies(4, tensor(DType.BF16, 32, 64)));
        pack.validate(PackWeight.Args.of(experts, packed(TILES, 4, 32, 64)));
        PackWeight.matrices(4, 32, 64, listed, ROWS)
                .validate(PackWeight.Args.of(experts, tensor(DType.BF16, 4, 32, 64)));
        assertRefused(
                () ->
                        pack.validate(
                                PackWeight.Args.of(
                                        tensor(DType.BF16, 4, 32, 64), packed(TILES, 4, 32, 64))),
                "from",
                "listed");
    }

    @Test
    void changesLayoutAndNothingElse() {
        assertRefused(
                () ->
                        PackWeight.matrix(
                                32, 64, ROWS, WeightFormat.rowMajor(DType.F32).withLayout("tiles")),
                "to",
                "BF16",
                "F32",
                "Quantize");
        WeightFormat fp8 = WeightFormat.rowMajor(QuantizationScheme.FP8_BLOCK_128);
        WeightFormat ue8m0 = WeightFormat.rowMajor(QuantizationScheme.FP8_BLOCK_128_UE8M0);
        assertRefused(
                () -> PackWeight.matrix(32, 64, fp8, ue8m0.withLayout("tiles")), "to", "F8_E8M0");
        assertRefused(
                () -> PackWeight.matrix(32, 64, TILES, ROWS.withLayout("strips")),
                "row-major",
                "strips");
        assertRefused(() -> PackWeight.matrix(32, 64, ROWS, ROWS), "to", "already");
        assertRefused(() -> PackWeight.matrix(32, 64, ROWS.listed(), ROWS), "matrices", "0");
        assertRefused(() -> PackWeight.matrices(0, 32, 64, ROWS, TILES), "matrices", "0");
        assertRefused(() -> PackWeight.matrix(0, 64, ROWS, TILES), "rows", "0");
    }

    @Test
    void refusesOperandsThatDoNotFit() {
        assertRefused(
                () ->
                        PACK.validate(
                                PackWeight.Args.of(
                                        tensor(DType.BF16, 64, 32), packed(TILES, 32, 64))),
                "from",
                "[32, 64]",
                "[64, 32]");
        assertRefused(
                () ->
                        PACK.validate(
                                PackWeight.Args.of(
                                        spaced(DType.BF16, 32, 64), packed(TILES, 32, 64))),
                "from",
                "contiguous");
        assertRefused(
                () ->
                        PACK.validate(
                                PackWeight.Args.of(
                                        tensor(DType.BF16, 32, 64),
                                        packed(ROWS.withLayout("strips"), 32, 64))),
                "to",
                "tiles",
                "strips");
        PackWeight scaled =
                PackWeight.matrix(
                        128,
                        128,
                        WeightFormat.rowMajor(QuantizationScheme.FP8_BLOCK_128),
                        WeightFormat.rowMajor(QuantizationScheme.FP8_BLOCK_128)
                                .withLayout("tiles"));
        assertRefused(
                () ->
                        scaled.validate(
                                PackWeight.Args.of(
                                        quantized(QuantizationScheme.FP8_BLOCK_128_UE8M0, 128, 128),
                                        packed(scaled.to(), 128, 128))),
                "from",
                "F8_E8M0");
    }

    @Test
    void movesEveryStoredByteTwice() {
        assertEquals(new Cost(0, 2 * 2 * 32 * 64), PACK.cost());
        WeightFormat fp8 = WeightFormat.rowMajor(QuantizationScheme.FP8_BLOCK_128);
        assertEquals(
                new Cost(0, 2 * 4 * (130 * 64 + 4 * 2 * 1)),
                PackWeight.matrices(4, 130, 64, fp8.listed(), fp8.withLayout("tiles")).cost());
    }
}
