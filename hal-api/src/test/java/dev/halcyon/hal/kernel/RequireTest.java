package dev.halcyon.hal.kernel;

import static dev.halcyon.hal.kernel.AbsentMemory.assertRefused;
import static dev.halcyon.hal.kernel.AbsentMemory.quantized;
import static dev.halcyon.hal.kernel.AbsentMemory.spaced;
import static dev.halcyon.hal.kernel.AbsentMemory.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.QuantizationScheme;
import dev.halcyon.hal.memory.QuantizedTensor;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.WeightFormat;

import org.junit.jupiter.api.Test;

/// The wording and the reach of the shared checks.
class RequireTest {
    @Test
    void namesTheChoiceInTheOrderGiven() {
        assertRefused(
                () -> Require.oneOf("scores", DType.I8, DType.F64, DType.F32, DType.BF16),
                "scores",
                "[F64, F32, BF16]",
                "I8");
    }

    @Test
    void takesOnlyWideFloatsAsActivations() {
        assertEquals(DType.BF16, Require.activation("x", DType.BF16));
        assertRefused(() -> Require.activation("x", DType.F8_E4M3), "x", "F8_E4M3");
        assertRefused(() -> Require.activation("x", DType.I32), "x", "I32");
    }

    @Test
    void acceptsGapsBetweenRowsButNotWithinThem() {
        Require.tensor("x", spaced(DType.F32, 3, 4), DType.F32, 3, 4);
        Tensor transposed = tensor(DType.F32, 4, 3).transpose(0, 1);
        assertRefused(
                () -> Require.tensor("x", transposed, DType.F32, 3, 4),
                "x",
                "stride 1",
                "strides [1, 3]");
    }

    @Test
    void ignoresTheStrideOfASingleColumn() {
        Require.tensor("x", tensor(DType.F32, 5, 7).slice(1, 2, 3), DType.F32, 5, 1);
    }

    @Test
    void wantsWeightsWithoutGaps() {
        WeightFormat plain = WeightFormat.rowMajor(DType.BF16);
        Require.weight("w", tensor(DType.BF16, 3, 4), plain, 3, 4);
        assertRefused(
                () -> Require.weight("w", spaced(DType.BF16, 3, 4), plain, 3, 4),
                "w",
                "contiguous");

        QuantizationScheme scheme = QuantizationScheme.FP8_TOKEN_128;
        QuantizedTensor whole = quantized(scheme, 4, 256);
        QuantizedTensor gaps =
                new QuantizedTensor(spaced(scheme.values(), 4, 256), whole.scales(), scheme);
        assertRefused(
                () -> Require.weight("w", gaps, gaps.format(), 4, 256), "w.values", "contiguous");
    }

    @Test
    void saysWhetherAnOptionalOperandIsMissingOrTooMuch() {
        Require.given("bias", null, false);
        Require.given("bias", tensor(DType.F32, 1), true);
        assertRefused(() -> Require.given("bias", null, true), "bias", "missing");
        assertRefused(
                () -> Require.given("bias", tensor(DType.F32, 1), false),
                "bias",
                "does not use it");
    }

    @Test
    void countsValuesAndScalesOfAWeight() {
        assertEquals(
                2 * 3 * 4,
                WeightFormat.rowMajor(DType.BF16).bytes(tensor(DType.BF16, 3, 4).shape()));
        WeightFormat blocks = WeightFormat.rowMajor(QuantizationScheme.FP8_BLOCK_128);
        assertEquals(130 * 257 + 4 * 2 * 3, blocks.bytes(tensor(DType.F8_E4M3, 130, 257).shape()));
        WeightFormat groups = WeightFormat.rowMajor(QuantizationScheme.INT4_GROUP_32);
        assertEquals(10 * 64 / 2 + 2 * 10 * 2, groups.bytes(tensor(DType.I4, 10, 64).shape()));
    }
}
