package dev.halcyon.hal.kernel.elementwise;

import static dev.halcyon.hal.kernel.AbsentMemory.assertRefused;
import static dev.halcyon.hal.kernel.AbsentMemory.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.memory.DType;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class FillTest {
    @ParameterizedTest
    @CsvSource({
        "F32, NaN",
        "F32, 1e300",
        "BF16, -Infinity",
        "F8_E4M3, 1000",
        "F8_E8M0, 0.25",
        "F8_E8M0, NaN",
        "F8_E8M0, 1.7014118346046923E38",
        "F4_E2M1, 2.7",
        "I64, -4611686018427388",
        "I32, -2147483648",
        "I8, -128",
        "U8, 255",
        "I4, -8",
        "I4, 7"
    })
    void holds(DType dtype, double value) {
        assertEquals(value, Fill.of(4, 4, dtype, value).value());
    }

    @ParameterizedTest
    @CsvSource({
        "F8_E8M0, 3",
        "F8_E8M0, 0",
        "F8_E8M0, -2",
        "F8_E8M0, 3.4028236692093846E38",
        "F4_E2M1, NaN",
        "F4_E2M1, Infinity",
        "I64, 1e17",
        "I32, 2147483648",
        "I32, 0.5",
        "I32, NaN",
        "I8, 128",
        "U8, -1",
        "U8, 256",
        "I4, 8"
    })
    void doesNotHold(DType dtype, double value) {
        assertRefused(
                () -> Fill.of(4, 4, dtype, value), "value", dtype.name(), Double.toString(value));
    }

    @Test
    void isOneKeyForEveryNaNAndTwoForTheZeros() {
        assertEquals(Fill.of(4, 4, DType.F32, Double.NaN), Fill.of(4, 4, DType.F32, 0.0 / 0.0));
        assertNotEquals(Fill.of(4, 4, DType.F32, 0.0), Fill.of(4, 4, DType.F32, -0.0));
    }

    @Test
    void writesOnly() {
        assertEquals(new Cost(0, 4 * 6 * 2), Fill.of(4, 6, DType.F16, 1).cost());
        assertEquals(
                new Cost(0, 3 * 6 * 2),
                Fill.of(4, 6, DType.F16, 1).cost(Fill.Args.of(tensor(DType.F16, 3, 6))));
    }

    @Test
    void refusesTheWrongMatrix() {
        Fill fill = Fill.of(4, 6, DType.F16, 1);
        assertRefused(() -> fill.validate(Fill.Args.of(tensor(DType.F16, 5, 6))), "out", "5", "4");
        assertRefused(() -> fill.validate(Fill.Args.of(tensor(DType.F16, 6))), "out", "[6]");
    }
}
