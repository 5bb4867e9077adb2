package dev.halcyon.hal.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

import java.util.EnumSet;
import java.util.Set;

/// Element types know their sizes, up to the last byte that a long can count.
final class DTypeTest {
    @ParameterizedTest
    @CsvSource({
        "F64, 64, 8",
        "F32, 32, 4",
        "F16, 16, 2",
        "BF16, 16, 2",
        "F8_E4M3, 8, 1",
        "F8_E5M2, 8, 1",
        "F8_E8M0, 8, 1",
        "F4_E2M1, 4, 1",
        "I64, 64, 8",
        "I32, 32, 4",
        "I8, 8, 1",
        "U8, 8, 1",
        "I4, 4, 1"
    })
    void hasTheWidthOfItsFormat(DType dtype, int bits, int alignment) {
        assertEquals(bits, dtype.bits());
        assertEquals(alignment, dtype.alignment());
        assertEquals(bits == 4, dtype.isPacked());
        assertEquals(0, dtype.bytes(0));
        assertEquals(bits * 6L / 8, dtype.bytes(6));
    }

    @Test
    void integersAreNotFloatingPoint() {
        Set<DType> integers = EnumSet.noneOf(DType.class);
        for (DType dtype : DType.values()) {
            if (!dtype.isFloatingPoint()) {
                integers.add(dtype);
            }
        }
        assertEquals(EnumSet.of(DType.I64, DType.I32, DType.I8, DType.U8, DType.I4), integers);
    }

    @ParameterizedTest
    @EnumSource(
            value = DType.class,
            names = {"F4_E2M1", "I4"})
    void anOddNumberOfNibblesTakesAWholeByte(DType dtype) {
        assertEquals(1, dtype.bytes(1));
        assertEquals(2, dtype.bytes(3));
        assertEquals(1L << 62, dtype.bytes(Long.MAX_VALUE));
    }

    @ParameterizedTest
    @EnumSource
    void aSizeBeyondALongIsAnErrorAndNeverANegativeNumber(DType dtype) {
        long most = dtype.bits() <= 8 ? Long.MAX_VALUE : Long.MAX_VALUE / (dtype.bits() / 8);
        long bytes = dtype.bytes(most);
        assertEquals(dtype.isPacked() ? 1L << 62 : most * (dtype.bits() / 8), bytes);
        if (dtype.bits() > 8) {
            assertThrows(ArithmeticException.class, () -> dtype.bytes(most + 1));
        }
    }
}
