package dev.halcyon.hal.kernel.linear;

import static dev.halcyon.hal.kernel.AbsentMemory.assertRefused;
import static dev.halcyon.hal.kernel.AbsentMemory.quantized;
import static dev.halcyon.hal.kernel.AbsentMemory.spaced;
import static dev.halcyon.hal.kernel.AbsentMemory.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.QuantizationScheme;
import dev.halcyon.hal.memory.QuantizationScheme.ScaleRule;
import dev.halcyon.hal.memory.QuantizedTensor;

import org.junit.jupiter.api.Test;

import java.util.List;

class QuantizeTest {
    private static final QuantizationScheme BLOCKS = QuantizationScheme.FP8_BLOCK_128;
    private static final Quantize QUANTIZE = Quantize.of(200, 256, DType.F32, BLOCKS);
    private static final Dequantize DEQUANTIZE = Dequantize.of(200, 256, BLOCKS, DType.BF16);

    @Test
    void takesEverySchemeThatModelsUse() {
        for (QuantizationScheme scheme :
                List.of(
                        QuantizationScheme.FP8_BLOCK_128,
                        QuantizationScheme.FP8_BLOCK_128_UE8M0,
                        QuantizationScheme.FP8_TOKEN_128,
                        QuantizationScheme.FP8_TOKEN_128_UE8M0,
                        QuantizationScheme.FP4_GROUP_32,
                        QuantizationScheme.INT4_GROUP_32)) {
            Quantize.of(8, 256, DType.BF16, scheme)
                    .validate(
                            Quantize.Args.of(
                                    tensor(DType.BF16, 5, 256), quantized(scheme, 5, 256)));
            Dequantize.of(8, 256, scheme, DType.BF16)
                    .validate(
                            Dequantize.Args.of(
                                    quantized(scheme, 5, 256), tensor(DType.BF16, 5, 256)));
        }
    }

    @Test
    void refusesImpossibleSchemes() {
        assertRefused(
                () -> Quantize.of(8, 256, DType.F32, BLOCKS.withTypes(DType.BF16, DType.F32)),
                "scheme.values",
                "BF16");
        assertRefused(
                () ->
                        Dequantize.of(
                                8, 256, BLOCKS.withTypes(DType.F8_E4M3, DType.F8_E4M3), DType.F32),
                "scheme.scales",
                "F8_E4M3");
        assertRefused(
                () ->
                        Quantize.of(
                                8,
                                256,
                                DType.F32,
                                QuantizationScheme.FP4_GROUP_32.withRule(ScaleRule.LINEAR)),
                "scheme.rule",
                "F8_E8M0",
                "LINEAR");
        assertRefused(
                () -> Quantize.of(8, 255, DType.F32, QuantizationScheme.INT4_GROUP_32),
                "columns",
                "255",
                "I4");
        assertRefused(() -> Quantize.of(8, 0, DType.F32, BLOCKS), "columns", "0");
        assertRefused(() -> Quantize.of(8, 256, DType.F8_E4M3, BLOCKS), "in", "F8_E4M3");
        assertRefused(() -> Dequantize.of(8, 256, BLOCKS, DType.F8_E4M3), "out", "F8_E4M3");
    }

    @Test
    void refusesOperandsThatDoNotFit() {
        QUANTIZE.validate(
                Quantize.Args.of(spaced(DType.F32, 130, 256), quantized(BLOCKS, 130, 256)));
        assertRefused(
                () ->
                        QUANTIZE.validate(
                                Quantize.Args.of(
                                        tensor(DType.F32, 130, 256), quantized(BLOCKS, 129, 256))),
                "out",
                "129",
                "130");
        assertRefused(
                () ->
                        QUANTIZE.validate(
                                Quantize.Args.of(
                                        tensor(DType.F32, 5, 256),
                                        quantized(BLOCKS.withBlock(64, 64), 5, 256))),
                "out",
                "blockRows=128",
                "blockRows=64");
        assertRefused(
                () ->
                        DEQUANTIZE.validate(
                                Dequantize.Args.of(
                                        quantized(BLOCKS, 201, 256), tensor(DType.BF16, 201, 256))),
                "x.values",
                "201",
                "200");
        QuantizedTensor gaps =
                new QuantizedTensor(
                        spaced(DType.F8_E4M3, 5, 256), quantized(BLOCKS, 5, 256).scales(), BLOCKS);
        assertRefused(
                () -> DEQUANTIZE.validate(Dequantize.Args.of(gaps, tensor(DType.BF16, 5, 256))),
                "x.values",
                "contiguous");
    }

    @Test
    void floorsKeepScalesAboveZero() {
        for (DType values : List.of(DType.F8_E4M3, DType.F8_E5M2, DType.F4_E2M1, DType.I4)) {
            float scale = (float) Quantize.floor(values) / (float) Quantize.largest(values);
            assertTrue(scale >= Float.MIN_NORMAL, values + " has a smallest scale of " + scale);
        }
        assertEquals(448, Quantize.largest(DType.F8_E4M3));
        assertEquals(0x1p-23, Quantize.floor(DType.I4) / Quantize.largest(DType.I4));
        assertRefused(() -> Quantize.largest(DType.F32), "F32");
        assertRefused(() -> Quantize.floor(DType.U8), "U8");
    }

    @Test
    void costsValuesAndScales() {
        double stored = 200 * 256 + 4 * 2 * 2;
        assertEquals(new Cost(2 * 200 * 256, 4 * 200 * 256 + stored), QUANTIZE.cost());
        assertEquals(new Cost(200 * 256, 2 * 200 * 256 + stored), DEQUANTIZE.cost());
        assertEquals(
                new Cost(5 * 256, 2 * 5 * 256 + 5 * 256 + 4 * 2),
                DEQUANTIZE.cost(
                        Dequantize.Args.of(quantized(BLOCKS, 5, 256), tensor(DType.BF16, 5, 256))));
    }

    @Test
    void theSchemeIsPartOfTheKey() {
        assertEquals(
                QUANTIZE,
                Quantize.of(
                        200,
                        256,
                        DType.F32,
                        new QuantizationScheme(
                                DType.F8_E4M3, DType.F32, 128, 128, ScaleRule.LINEAR)));
        assertNotEquals(
                QUANTIZE,
                Quantize.of(200, 256, DType.F32, BLOCKS.withRule(ScaleRule.POWER_OF_TWO)));
    }
}
